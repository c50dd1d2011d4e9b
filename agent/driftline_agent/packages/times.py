"""Times as commands and APIs write them."""

from datetime import UTC, datetime

_FORMATS = ("%a %b %d %H:%M:%S %Y", "%a %d %b %Y %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")


def seconds_of(text: str) -> int | None:
    """Return seconds since 1970 of a time in ISO 8601, RFC 5322 or asctime's form; None where it is none.

    Without a zone it counts as UTC: the zone of the machine that wrote it is not known.
    """
    text = " ".join(text.split())
    if not text:
        return None
    found = _iso(text)
    for form in _FORMATS if found is None else ():
        try:
            found = datetime.strptime(text, form)  # noqa: DTZ007  # the zone is set below
            break
        except ValueError:
            continue
    if found is None:
        from email.utils import parsedate_to_datetime

        try:
            found = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
    try:
        return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None


def _iso(text: str) -> datetime | None:
    import re

    # Nine digits of a second, which Go writes, are too many for Python 3.11's six.
    short = re.sub(r"(\.\d{6})\d+", r"\1", text)
    short = re.sub(r"^(\S+) (\S+) ([+-]\d{4})(?: \S+)?$", r"\1T\2\3", short)
    try:
        return datetime.fromisoformat(short)
    except ValueError:
        return None
