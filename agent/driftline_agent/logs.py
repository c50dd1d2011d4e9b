"""Logging: a constant message and fields, one line each: ``12:00:00 INFO reporting collector=cmdb:7443``."""

import logging
import sys

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class FieldFormatter(logging.Formatter):
    """Appends a record's extra fields as ``name=value``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        text = super().format(record)
        fields = [
            f"{name}={_quoted(str(value))}" for name, value in vars(record).items() if name not in _STANDARD and value
        ]
        head, newline, rest = text.partition("\n")
        return " ".join([head, *fields]) + newline + rest


def _quoted(value: str) -> str:
    value = value.replace("\n", "\\n")
    return f'"{value}"' if " " in value else value


def configure(verbose: bool = False) -> None:
    """Log to standard error; called once, by the command line only."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FieldFormatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S%z"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    # Every sample is a line of APScheduler's at INFO.
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
