"""Objects that tell of interfaces: IF-MIB (RFC 2863), EtherLike-MIB, MAU-MIB, IEEE8023-LAG-MIB."""

from driftline_agent.devices.mib import mib

#: ifTable; the index is ifIndex.
IF = mib(
    "IF-MIB", "1.3.6.1.2.1.2.2.1",
    ifDescr=2, ifType=3, ifMtu=4, ifSpeed=5, ifPhysAddress=6, ifAdminStatus=7, ifOperStatus=8,
    ifInOctets=10, ifInDiscards=13, ifInErrors=14, ifOutOctets=16, ifOutDiscards=19, ifOutErrors=20,
)  # fmt: skip
#: ifXTable; the index is ifIndex.
IFX = mib(
    "IF-MIB", "1.3.6.1.2.1.31.1.1.1",
    ifName=1, ifHCInOctets=6, ifHCOutOctets=10, ifHighSpeed=15, ifPromiscuousMode=16, ifConnectorPresent=17,
    ifAlias=18, ifCounterDiscontinuityTime=19,
)  # fmt: skip
#: ifStackTable; the index is ifStackHigherLayer and ifStackLowerLayer.
STACK = mib("IF-MIB", "1.3.6.1.2.1.31.1.2.1", ifStackStatus=3)
#: dot3StatsTable; the index is ifIndex.
ETHERLIKE = mib("EtherLike-MIB", "1.3.6.1.2.1.10.7.2.1", dot3StatsDuplexStatus=19)
#: ifMauAutoNegTable; the index is ifIndex and the MAU's number.
MAU = mib("MAU-MIB", "1.3.6.1.2.1.26.5.1.1", ifMauAutoNegAdminStatus=1)
#: dot3adAggPortTable; the index is ifIndex of the port, the value ifIndex of the aggregator.
LAG = mib("IEEE8023-LAG-MIB", "1.2.840.10006.300.43.1.2.1.1", dot3adAggPortAttachedAggID=13)
