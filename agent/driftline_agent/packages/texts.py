"""What the outputs of several commands have in common: blocks of ``name : value``, sizes for people."""

from collections.abc import Iterator

from driftline import late

_SIZE = late.pattern(r"([\d.,]+)\s*([kKMGTP]?)(i?)(?:B|bytes?)?\b")
_POWER = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}
#: ``Name            : bash``, ``name:      kdenlive``; rpm's old form has two of them in a line.
_FIELD = late.pattern(r"\s*([A-Za-z][A-Za-z0-9 _.()-]*?)\s*:(?:\s+(.*)|)$")


def size_of(text: str) -> int | None:
    """Return the bytes of ``479,7 MB`` (1000 each) or ``12.00 KiB`` (1024 each); None where it is no size."""
    found = _SIZE.search(text.replace("\N{NO-BREAK SPACE}", " "))
    if found is None:
        return None
    number = found[1]
    if number.count(",") == 1 and "." not in number and len(number.rpartition(",")[2]) != 3:
        number = number.replace(",", ".")  # a comma as the decimal mark
    try:
        value = float(number.replace(",", ""))
    except ValueError:
        return None
    factor = 1024 if found[3] else 1000
    out = value * factor ** _POWER[found[2].upper()]
    return int(out) if out < 1 << 60 else None


def number_of(text: str) -> int | None:
    """Return the whole number that a text is; None where it is none, or too large for a fact."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def blocks(text: str) -> Iterator[dict[str, str]]:
    """Yield blocks of ``name : value`` lines that blank lines part; names in lower case, the first of each counts."""
    fields: dict[str, str] = {}
    for line in [*text.splitlines(), ""]:
        if not line.strip():
            if fields:
                yield fields
            fields = {}
            continue
        found = _FIELD.match(line)
        if found is not None:
            fields.setdefault(found[1].lower(), (found[2] or "").strip())
