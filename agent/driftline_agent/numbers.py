"""Whole numbers in texts that may be damaged or hostile."""


def whole(text: str | None, most: int = (1 << 63) - 1, base: int = 10) -> int | None:
    """Return a number without a sign, or None where it is none or larger than what may be.

    ``str.isdigit`` is true of digits that ``int`` does not take, and int takes numbers that no field holds.
    """
    if not text or len(text) > 24 or not text.isascii() or not text.isalnum():
        return None
    try:
        number = int(text, base)
    except ValueError:
        return None
    return number if number <= most else None
