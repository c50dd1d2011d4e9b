"""Texts that devices send where they have nothing to say."""

import re

#: Compared without case and without what is no letter or digit.
_NOTHING = frozenset(
    {
        "default",
        "defaultstring",
        "empty",
        "na",
        "nil",
        "nomodel",
        "none",
        "noserial",
        "noserialnumber",
        "nosuchinstance",
        "notapplicable",
        "notavailable",
        "notdefined",
        "notpresent",
        "notset",
        "notspecified",
        "null",
        "oem",
        "serialnumber",
        "systemserialnumber",
        "tobefilledbyoem",
        "unavailable",
        "undefined",
        "unknown",
        "unspecified",
    }
)
_NO_WORD = re.compile(r"[\W_]+")


def meant(text: str | None) -> str:
    """Return a text, or an empty one where it says that there is none: N/A, Unknown, "To be filled by O.E.M.", "--"."""
    if not text:
        return ""
    bare = _NO_WORD.sub("", text).casefold()
    return "" if not bare or bare in _NOTHING else text


def meant_serial(text: str | None) -> str:
    """Return a serial number; one of zeros alone is none either. What else is junk is for the collector to say."""
    said = meant(text)
    return "" if not said.strip("0- .") else said
