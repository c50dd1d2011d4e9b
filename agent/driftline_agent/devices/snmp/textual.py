"""Textual conventions, as pure functions of what a device sent. What means nothing is None."""

import datetime
import ipaddress

#: Control characters become blanks; what devices pad with goes.
_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)), " ")


def display_string(octets: bytes) -> str | None:
    """Return DisplayString (RFC 2579) or SnmpAdminString (RFC 3411) as text.

    Devices send NULs at the end, other control characters, UTF-8 or ISO 8859-1; blanks at the ends go, lines
    become one.
    """
    cut = octets.rstrip(b"\0")
    try:
        text = cut.decode()
    except UnicodeDecodeError:
        text = cut.decode("latin-1")
    return " ".join(text.translate(_CONTROLS).split()) or None


def phys_address(octets: bytes) -> str | None:
    """Return PhysAddress or MacAddress (RFC 2579) like 00:11:22:33:44:55; None where it is empty or all zero.

    A device that sends it as text ("0:11:22:33:44:55") is understood.
    """
    if len(octets) > 8:
        parts = octets.rstrip(b"\0").decode("latin-1").replace("-", ":").split(":")
        if len(parts) != 6 or not all(0 < len(part) <= 2 for part in parts):
            return None
        try:
            octets = bytes(int(part, 16) for part in parts)
        except ValueError:
            return None
    return octets.hex(":") if any(octets) else None


def date_and_time(octets: bytes) -> datetime.datetime | None:
    """Return DateAndTime (RFC 2579), None where it is no time: 8 bytes are a naive one, 11 bytes have a zone."""
    if len(octets) not in (8, 11):
        return None
    year, (month, day, hour, minute, second, tenth) = int.from_bytes(octets[:2]), octets[2:8]
    zone = None
    if len(octets) == 11:
        sign, hours, minutes = octets[8:]
        if sign not in b"+-" or hours > 14 or minutes > 59:
            return None
        offset = datetime.timedelta(hours=hours, minutes=minutes)
        zone = datetime.timezone(-offset if sign == ord("-") else offset)
    try:
        # 60 is a leap second
        return datetime.datetime(year, month, day, hour, minute, min(second, 59), tenth * 100000, tzinfo=zone)
    except ValueError:
        return None


def time_ticks(ticks: int) -> datetime.timedelta:
    """Return TimeTicks (RFC 2578 section 7.1.8), hundredths of a second; they wrap after 497 days."""
    return datetime.timedelta(milliseconds=10 * ticks)


def truth_value(number: int) -> bool | None:
    """Return TruthValue (RFC 2579): 1 is true, 2 false, all else nothing."""
    return {1: True, 2: False}.get(number)


def inet_address(kind: int, octets: bytes) -> str | None:
    """Return InetAddress by its InetAddressType (RFC 4001): ipv4(1), ipv6(2), ipv4z(3), ipv6z(4), dns(16).

    A zone follows a percent sign, as a number, as RFC 4001 has it: fe80::1%3.
    """
    sizes = {1: 4, 2: 16, 3: 8, 4: 20}
    if kind == 16:
        return display_string(octets)
    if sizes.get(kind) != len(octets):
        return None
    if kind in (3, 4):
        return f"{ipaddress.ip_address(octets[:-4])}%{int.from_bytes(octets[-4:])}"
    return str(ipaddress.ip_address(octets))
