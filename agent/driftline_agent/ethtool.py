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
_GSET, _GRINGPARAM, _GPAUSEPARAM, _GSTRINGS, _GSSET_INFO, _GFEATURES, _GCHANNELS = 1, 0x10, 0x12, 0x1B, 0x37, 0x3A, 0x3C
#: linux/ethtool.h, ETH_SS_FEATURES, and bytes of a name (ETH_GSTRING_LEN).
_FEATURES, _NAME = 4, 32
_MAX_FEATURES = 256
#: struct ethtool_cmd up to autoneg: command, supported, advertising, speed, duplex, port, phy, transceiver, autoneg.
_SETTINGS = struct.Struct("=3IHBBBBB")
_PORTS = {0: "twisted pair", 1: "AUI", 2: "MII", 3: "fibre", 4: "BNC", 5: "direct attach", 0xEF: "none", 0xFF: "other"}
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


class Settings(NamedTuple):
    """How a device is set; absent where its driver does not tell."""

    autonegotiation: bool | None
    port: str
    #: Those in force, as kind=number.
    rings: list[str]
    channels: list[str]
    flow_control: list[str]
    features: list[str]


def _get(name: str, command: int, size: int, *words: int) -> bytes:
    """Return a structure that the driver fills; empty where it does not."""
    buffer = array.array("B", bytes(size))
    head = struct.pack(f"={len(words) + 1}I", command, *words)
    buffer[: len(head)] = array.array("B", head)
    return buffer.tobytes() if _ask(_SIOCETHTOOL, _REQUEST, name, buffer) else b""


def parse_link(data: bytes) -> tuple[bool | None, str]:
    """Return whether a device negotiates, and its connector, of an ethtool_cmd."""
    if len(data) < _SETTINGS.size:
        return None, ""
    *_, port, _, _, autonegotiation = _SETTINGS.unpack_from(data)
    return bool(autonegotiation), _PORTS.get(port, "")


def parse_numbers(data: bytes, names: tuple[str, ...]) -> list[str]:
    """Return the numbers in force of a structure of a command, the most of each, and each; 0 is none."""
    if len(data) < 4 * (1 + 2 * len(names)):
        return []
    values = struct.unpack_from(f"={len(names)}I", data, 4 * (1 + len(names)))
    return sorted(f"{name}={value}" for name, value in zip(names, values, strict=True) if value)


def parse_flow_control(data: bytes) -> list[str]:
    """Return which pause frames are on, of an ethtool_pauseparam."""
    if len(data) < 16:
        return []
    on = struct.unpack_from("=3I", data, 4)
    return sorted(name for name, value in zip(("autonegotiate", "rx", "tx"), on, strict=True) if value)


def parse_features(data: bytes, names: list[str]) -> list[str]:
    """Return the features that are on and could be off, of an ethtool_gfeatures."""
    out = []
    for index, name in enumerate(names):
        at = 8 + 16 * (index // 32)
        if len(data) < at + 16:
            break
        _, _, active, fixed = struct.unpack_from("=4I", data, at)
        if name and (active & ~fixed) >> index % 32 & 1:
            out.append(name)
    return sorted(out)


def feature_names(name: str) -> list[str]:
    """Return the kernel's names of features, in their order; they are the same for each device."""
    told = _get(name, _GSSET_INFO, 24, 0, 1 << _FEATURES)
    count = struct.unpack_from("=I", told, 16)[0] if told and told[8:16] != bytes(8) else 0
    if not 0 < count <= _MAX_FEATURES:
        return []
    data = _get(name, _GSTRINGS, 12 + count * _NAME, _FEATURES, count)[12:]
    return [_word(data[at : at + _NAME]) for at in range(0, len(data), _NAME)]


def settings(name: str, features: list[str]) -> Settings:
    """Return how an interface's device is set.

    :param features: what :func:`feature_names` returned.
    """
    blocks = (len(features) + 31) // 32
    return Settings(
        *parse_link(_get(name, _GSET, 64)),
        parse_numbers(_get(name, _GRINGPARAM, 36), ("rx", "rx-mini", "rx-jumbo", "tx")),
        parse_numbers(_get(name, _GCHANNELS, 36), ("rx", "tx", "other", "combined")),
        parse_flow_control(_get(name, _GPAUSEPARAM, 16)),
        parse_features(_get(name, _GFEATURES, 8 + 16 * blocks, blocks), features) if blocks else [],
    )


def ssid(name: str) -> str:
    """Return the name of the wireless network that an interface has joined; empty where it has joined none."""
    buffer = array.array("B", bytes(_MAX_SSID + 1))
    return _word(buffer.tobytes()) if _ask(_SIOCGIWESSID, _WIRELESS, name, buffer, _MAX_SSID, 0) else ""
