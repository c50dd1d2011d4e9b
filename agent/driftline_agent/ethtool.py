"""What a network driver says of its device.

Source: ioctl(2) SIOCETHTOOL and SIOCGIWESSID, linux/ethtool.h, linux/wireless.h.
"""

import array
import fcntl
import socket
import struct
from typing import NamedTuple

_SIOCETHTOOL, _SIOCGIWESSID, _ETHTOOL_GDRVINFO = 0x8946, 0x8B1B, 3
#: struct ifreq: name, pointer.
_REQUEST = struct.Struct("16sP16x")
#: struct iwreq with an iw_point: name, pointer, length, flags.
_WIRELESS = struct.Struct("16sPHH")
#: struct ethtool_drvinfo: command, driver, version, firmware version, and what follows.
_INFO = struct.Struct("=I32s32s32s32s64x")
_MAX_SSID = 32
#: What drivers say that have nothing to say.
_NOTHING = frozenset({"", "N/A", "n/a", "NA", "unknown", "none", "-"})


class Driver(NamedTuple):
    """Name of a driver, its version and the device's firmware; empty where it does not tell."""

    driver: str
    version: str
    firmware: str


def _word(data: bytes) -> str:
    text = data.partition(b"\0")[0].decode("utf-8", "replace").strip()
    return "" if text in _NOTHING else text


def _ask(code: int, request: struct.Struct, name: str, buffer: "array.array[int]", *more: int) -> bool:
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as asking:
            fcntl.ioctl(asking, code, request.pack(name.encode()[:15], buffer.buffer_info()[0], *more))
    except OSError:
        return False  # a driver without it, or an interface that is gone
    return True


def driver(name: str) -> Driver:
    """Return what an interface's driver says of itself."""
    buffer = array.array("B", bytes(512))
    buffer[:4] = array.array("B", struct.pack("=I", _ETHTOOL_GDRVINFO))
    if not _ask(_SIOCETHTOOL, _REQUEST, name, buffer):
        return Driver("", "", "")
    _, kind, version, firmware, _ = _INFO.unpack_from(buffer)
    return Driver(_word(kind), _word(version), _word(firmware))


def ssid(name: str) -> str:
    """Return the name of the wireless network that an interface has joined; empty where it has joined none."""
    buffer = array.array("B", bytes(_MAX_SSID + 1))
    return _word(buffer.tobytes()) if _ask(_SIOCGIWESSID, _WIRELESS, name, buffer, _MAX_SSID, 0) else ""
