"""Evidence of identity in its normal form."""


def serial_key(text: str) -> str | None:
    """Return the key of a serial number, ``serial:7x3kq2``; None where it is empty."""
    normal = "".join(text.split()).lower()
    return f"serial:{normal}" if normal else None
