"""What makers leave in a DMI field that they did not fill. Such a field is absent: it tells nothing of a machine."""

import re

from driftline import late

_FILLERS = frozenset(
    """
    - not specified -|<bad index>|<empty>|<out of spec>|[empty]|asset|asset number|asset tag|asset tag number
    asset tag#|asset-1234567890|bad index|base board asset tag|base board serial number|base board version
    board asset tag|board manufacturer|board product name|board serial number|board version|chassis asset tag
    chassis asset tag#|chassis manufacturer|chassis serial number|chassis version|default|default string|dimm_empty
    dummy|empty|engineering sample|eval|evaluation|filled by oem|invalid|manufacturer|manufacturer name|model
    model number|modulepartnumber|n.a.|n/a|na|nil|no asset|no asset information|no asset tag|no data|no dimm
    no enclosure|no module installed|no part number|no serial|nodimm|none|none specified|not applicable|not assigned
    not available|not defined|not installed|not present|not provided|not set|not settable|not specified
    not specified.|null|o.e.m|o.e.m.|oem|oem chassis manufacturer|part number|part-number|partnum|partnumber
    product name|s/n|serial|serial number|serial#|sernum|sku|sku number|sku_number|system|system family
    system manufacturer|system name|system product name|system serial number|system sku|system uuid|system version
    tbd|tbd by oem|test|to be filled|to be filled by o.e.m|to be filled by o.e.m.|to be filled by oem
    type2 - board asset tag|type2 - board manufacturer|type2 - board product name|type2 - board product name1
    type2 - board serial number|type2 - board version|type3 - chassis manufacturer|unassigned|undefined|unknow
    unknown|unknown chassis manufacturer|unknown vendor|unspecified|vendor|version|xxxxx
    """.replace("\n    ", "|").split("|")
)
#: Counted fields of the boards' reference code: SerNum00, A1_AssetTagNum0, Array1_PartNumber0, OEM Define 3.
_COUNTED = late.pattern(
    r"((a\d+_|array\d+_|p\d+_node\d+_channel\d+_dimm\d+_)?(sernum|assettagnum|assettag|partnum|partnumber|manufacturer"
    r"|modulepartnumber|serialnumber|dimm\d*_sernum|asset ?tag|serial ?num(ber)?|part ?num(ber)?)[ _]?\d*)"
    r"|(oem[ _]define[ _]?\d*)|(<?(bad index|out of spec)>?.*)"
)
#: Nothing but filling: zeros, dots, dashes, x and the like.
_FILLING = late.pattern(r"(0x)?[0.\-_*#?\s]+|x{3,}|0+h|(0x)?f{4,}|\W+")
#: Counted up from the first digit, once or again and again.
_COUNTING = late.pattern(r"0?(1234567890)*(1|12|123|1234|12345|123456|1234567|12345678|123456789)?|(0123456789)+")
#: UUIDs that many machines have: their makers never set them.
_UUIDS = frozenset(
    {
        "03000200-0400-0500-0006-000700080009",
        "00020003-0004-0005-0006-000700080009",
        "12345678-1234-5678-90ab-cddeefaabbcc",
        "12345678-90ab-cdef-1234-567890abcdef",
        "fefefefe-fefe-fefe-fefe-fefefefefefe",
    }
)


def parse_text(text: str | None) -> str:
    """Return a DMI string with single spaces, or nothing where the maker left it unfilled."""
    text = " ".join((text or "").replace("\0", " ").split())
    low = text.lower()
    if low in _FILLERS or (len(low) > 2 and _COUNTING.fullmatch(low)):
        return ""
    return "" if _COUNTED.fullmatch(low) or (low and low != "0" and _FILLING.fullmatch(low)) or low == "0" else text


def parse_name(text: str | None) -> str:
    """Return what a board calls a place, or nothing where that is a filler; 0 is a number like any other."""
    text = " ".join((text or "").replace("\0", " ").split())
    return "" if text.lower() in _FILLERS else text


def parse_uuid(text: str | None) -> str:
    """Return a UUID in lower case, or nothing where the maker set none."""
    low = (text or "").strip().lower()
    if not re.fullmatch(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", low):
        return ""
    return "" if low in _UUIDS or len(set(low) - {"-"}) == 1 else low


def parse_date(text: str | None) -> str:
    """Return a BIOS date (month/day/year) as ISO 8601, or nothing where it is none."""
    parts = (text or "").strip().split("/")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 5 for part in parts):
        return ""
    month, day, year = (int(part) for part in parts)
    if year < 100:
        year += 1900 if year >= 70 else 2000
    return f"{year:04}-{month:02}-{day:02}" if 1 <= month <= 12 and 1 <= day <= 31 and year < 10000 else ""
