"""Log lines: a constant message, then fields."""

import logging
import sys

_OWN = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None))) | {"message", "asctime"}


class Fields(logging.Formatter):
    """``2026-01-02T03:04:05 INFO collector ready enrol=7443 report=7444``."""

    def __init__(self) -> None:
        """Set the form."""
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        """Return the line with the record's extra fields behind it."""
        fields = {name: value for name, value in vars(record).items() if name not in _OWN}
        return " ".join([super().formatMessage(record), *(f"{name}={_text(value)}" for name, value in fields.items())])


def to_stderr(level: int = logging.INFO) -> None:
    """Write the log to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Fields())
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(level)
    for name in ("alembic", "apscheduler"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _text(value: object) -> str:
    text = str(value)
    return text if text and text.isprintable() and not set(text) & set(' "=') else repr(text)
