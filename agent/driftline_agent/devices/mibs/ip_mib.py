"""Objects that tell of addresses and neighbours: IP-MIB (RFC 4293), IPV6-MIB (RFC 2465), CISCO-IETF-IP-MIB."""

from driftline_agent.devices.mib import mib

#: ipAddressTable; the index is ipAddressAddrType and ipAddressAddr.
ADDRESS = mib("IP-MIB", "1.3.6.1.2.1.4.34.1", ipAddressIfIndex=3, ipAddressType=4, ipAddressPrefix=5, ipAddressOrigin=6)
#: ipAddrTable, deprecated; the index is the address of IPv4.
OLD_ADDRESS = mib("IP-MIB", "1.3.6.1.2.1.4.20.1", ipAdEntIfIndex=2, ipAdEntNetMask=3)
#: ipv6AddrTable, of 1998; the index is ipv6IfIndex and the address.
OLD_ADDRESS_6 = mib("IPV6-MIB", "1.3.6.1.2.1.55.1.8.1", ipv6AddrPfxLength=2)
#: cIpAddressTable; a draft of ipAddressTable.
CISCO_ADDRESS = mib(
    "CISCO-IETF-IP-MIB", "1.3.6.1.4.1.9.10.86.1.1.2.1", cIpAddressIfIndex=3, cIpAddressType=4, cIpAddressPrefix=5,
    cIpAddressOrigin=6,
)  # fmt: skip
#: ipNetToPhysicalTable; the index is ifIndex, InetAddressType and InetAddress.
NEIGHBOUR = mib(
    "IP-MIB", "1.3.6.1.2.1.4.35.1", ipNetToPhysicalPhysAddress=4, ipNetToPhysicalType=6, ipNetToPhysicalState=7
)
#: ipNetToMediaTable, deprecated; the index is ifIndex and the address of IPv4.
OLD_NEIGHBOUR = mib("IP-MIB", "1.3.6.1.2.1.4.22.1", ipNetToMediaPhysAddress=2, ipNetToMediaType=4)
