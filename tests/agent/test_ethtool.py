"""What a network driver says of its device's settings: structures of linux/ethtool.h."""

import struct

from driftline_agent import ethtool


def test_link() -> None:
    # struct ethtool_cmd: command, supported, advertising, speed, duplex, port, phy, transceiver, autoneg.
    assert ethtool.parse_link(struct.pack("=3IHBBBBB", 1, 0x2EF, 0x2EF, 1000, 1, 0, 1, 0, 1)) == (True, "twisted pair")
    assert ethtool.parse_link(struct.pack("=3IHBBBBB", 1, 0, 0, 0xFFFF, 0xFF, 0xFF, 0, 0, 0)) == (False, "other")
    assert ethtool.parse_link(b"") == (None, "")
    assert ethtool.parse_link(bytes(10)) == (None, "")


def test_rings_and_channels() -> None:
    rings = struct.pack("=9I", 0x10, 4096, 0, 0, 4096, 512, 0, 0, 256)
    assert ethtool.parse_numbers(rings, ("rx", "rx-mini", "rx-jumbo", "tx")) == ["rx=512", "tx=256"]
    channels = struct.pack("=9I", 0x3C, 0, 0, 1, 63, 0, 0, 1, 8)
    assert ethtool.parse_numbers(channels, ("rx", "tx", "other", "combined")) == ["combined=8", "other=1"]
    assert ethtool.parse_numbers(rings[:20], ("rx", "rx-mini", "rx-jumbo", "tx")) == []


def test_flow_control() -> None:
    assert ethtool.parse_flow_control(struct.pack("=4I", 0x12, 1, 0, 1)) == ["autonegotiate", "tx"]
    assert ethtool.parse_flow_control(struct.pack("=4I", 0x12, 0, 0, 0)) == []
    assert ethtool.parse_flow_control(b"\x12") == []


def test_features_that_are_on_and_could_be_off() -> None:
    names = [f"f{number}" for number in range(40)]
    # available, requested, active, fixed: f1 is fixed, f33 in the second block.
    data = struct.pack("=2I", 0x3A, 2) + struct.pack("=4I", 7, 7, 0b0111, 0b0010) + struct.pack("=4I", 3, 2, 0b10, 0)
    assert ethtool.parse_features(data, names) == ["f0", "f2", "f33"]
    assert ethtool.parse_features(data[:24], names) == ["f0", "f2"]
    assert ethtool.parse_features(b"", names) == []
    assert ethtool.parse_features(data, ["", "f1", "f2"]) == ["f2"]


def test_this_host() -> None:
    # The loopback has features and none of the rest; nobody has what is not there.
    names = ethtool.feature_names("lo")
    known = [name for name in names if name]  # numbers that the kernel uses no more have no name
    assert "tx-checksum-ip-generic" in known and len(set(known)) == len(known)
    found = ethtool.settings("lo", names)
    assert found.autonegotiation is None and found.rings == []
    assert set(found.features) < set(names)
    assert ethtool.feature_names("no-such-link") == []
    assert ethtool.settings("no-such-link", names) == (None, "", [], [], [], [])
