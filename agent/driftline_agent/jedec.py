"""Makers and part numbers of memory modules where firmware hands on the bytes of the module instead of text.

Source: JEDEC JEP106 (standard manufacturer's identification code), SPD of DDR to DDR5.
"""

import re

#: Bank (pages of 126 makers, from 0) and code with its parity bit.
_MAKERS = {
    (0, 0x01): "AMD", (0, 0x04): "Fujitsu", (0, 0x07): "Hitachi", (0, 0x10): "NEC", (0, 0x1C): "Mitsubishi",
    (0, 0x2C): "Micron", (0, 0x4F): "Transcend", (0, 0x51): "Qimonda", (0, 0x89): "Intel", (0, 0x98): "Toshiba",
    (0, 0xA4): "IBM", (0, 0xAD): "Hynix", (0, 0xC1): "Infineon", (0, 0xCE): "Samsung", (0, 0xDA): "Winbond",
    (1, 0x4F): "Transcend", (1, 0x94): "Smart Modular", (1, 0x98): "Kingston", (2, 0x9E): "Corsair",
    (2, 0xFE): "Elpida", (3, 0x0B): "Nanya", (3, 0x25): "Kingmax", (4, 0x43): "Ramaxel", (4, 0xB0): "OCZ",
    (4, 0xCB): "A-DATA", (4, 0xCD): "G.Skill", (4, 0xEF): "Team Group", (5, 0x02): "Patriot", (5, 0x9B): "Crucial",
    (5, 0x51): "Qimonda", (6, 0x1A): "Apacer",
}  # fmt: skip
_CONTINUED = 0x7F


def maker_of(text: str) -> str:
    """Return the maker that a code in hexadecimal names; any other text stays as it is, and so does an unknown code."""
    digits = text.removeprefix("0x").removeprefix("0X")
    if not re.fullmatch(r"([0-9A-Fa-f]{2}){2,16}", digits):
        return text
    data = bytes.fromhex(digits)
    if data[0] == _CONTINUED:
        banks = len(data) - len(data.lstrip(b"\x7f"))
        code = data[banks] if banks < len(data) else 0
    elif data[0] not in (0, 0x80) and not any(data[1:]):
        banks, code = 0, data[0]
    else:
        banks, code = data[0] & 0x7F, data[1]  # bit 7 is parity
    return _MAKERS.get((banks, code), text)


def text_of(text: str) -> str:
    """Return the text that hexadecimal digits spell out; any other text stays as it is."""
    if not re.fullmatch(r"0x([0-9A-Fa-f]{2}){8,64}", text):
        return text
    spelt = bytes.fromhex(text[2:]).rstrip(b"\0 \xff")
    return spelt.decode("ascii").strip() if spelt and all(32 <= byte < 127 for byte in spelt) else text
