"""Which hardware addresses are a device's own: what a maker burns in, and what nobody else can have."""

import re

#: Routers that stand in for each other: VRRP and CARP (RFC 9568 section 7.3), HSRP, GLBP.
_SHARED = re.compile(
    r"00:00:5e:00:0[12]:..|00:00:0c:07:ac:..|00:00:0c:9f:f.:..|00:05:73:a0:0.:..|00:07:b4:00:..:..|00:50:56:c0:00:.."
)
_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_LOCAL, _GROUP = 2, 1


def is_own(mac: str) -> bool:
    """Tell whether an address was given by a maker to one piece of hardware.

    It is not where it is locally administered (drawn by lot, or chosen by software), a group's, or one that routers
    hand over to each other.
    """
    if not _MAC.fullmatch(mac) or _SHARED.fullmatch(mac) or not any(bytes.fromhex(mac.replace(":", ""))):
        return False
    return not int(mac[:2], 16) & (_LOCAL | _GROUP)
