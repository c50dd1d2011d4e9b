"""What traps tell of: which kind of news, about which device. Pure."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from driftline_agent.devices.mib import MibObject, mib
from driftline_agent.devices.snmp.values import Kind, Oid

if TYPE_CHECKING:  # it imports pysnmp
    from driftline_agent.devices.snmp.traps import Trap

#: Notifications by the kind of their news (:data:`driftline_agent.devices.topic.NEWS`).
_NOTIFICATIONS: tuple[tuple[str, dict[str, MibObject]], ...] = (
    ("restart", mib("SNMPv2-MIB", "1.3.6.1.6.3.1.1.5", coldStart=1, warmStart=2)),
    ("link", mib("IF-MIB", "1.3.6.1.6.3.1.1.5", linkDown=3, linkUp=4)),
    ("neighbour", mib("LLDP-MIB", "1.0.8802.1.1.2.0.0", lldpRemTablesChange=1)),
    ("neighbour", mib("LLDP-V2-MIB", "1.3.111.2.802.1.1.13.0.0", lldpV2RemTablesChange=1)),
    ("neighbour", mib("BRIDGE-MIB", "1.3.6.1.2.1.17.0", newRoot=1, topologyChange=2)),
    # RFC 4273, and RFC 1657 before it
    ("neighbour", mib("BGP4-MIB", "1.3.6.1.2.1.15.0", bgpEstablishedNotification=1, bgpBackwardTransNotification=2)),
    ("neighbour", mib("BGP4-MIB", "1.3.6.1.2.1.15.7", bgpEstablished=1, bgpBackwardTransition=2)),
    (
        "neighbour",
        mib(
            "OSPF-TRAP-MIB",
            "1.3.6.1.2.1.14.16.2",
            ospfVirtIfStateChange=1,
            ospfNbrStateChange=2,
            ospfVirtNbrStateChange=3,
            ospfIfStateChange=16,
        ),
    ),
    ("hardware", mib("ENTITY-MIB", "1.3.6.1.2.1.47.2.0", entConfigChange=1)),
    ("hardware", mib("ENTITY-STATE-MIB", "1.3.6.1.2.1.131.0", entStateOperEnabled=1, entStateOperDisabled=2)),
    (
        "hardware",
        mib(
            "CISCO-ENTITY-FRU-CONTROL-MIB",
            "1.3.6.1.4.1.9.9.117.2.0",
            cefcModuleStatusChange=1,
            cefcPowerStatusChange=2,
            cefcFRUInserted=3,
            cefcFRURemoved=4,
        ),
    ),
    ("hardware", mib("JUNIPER-MIB", "1.3.6.1.4.1.2636.4.1", jnxFruRemoval=5, jnxFruInsertion=6)),
    (
        "configuration",
        mib(
            "CISCO-CONFIG-MAN-MIB",
            "1.3.6.1.4.1.9.9.43.2.0",
            ciscoConfigManEvent=1,
            ccmCLIRunningConfigChanged=2,
        ),
    ),
    ("configuration", mib("JUNIPER-CFGMGMT-MIB", "1.3.6.1.4.1.2636.4.5.0", jnxCmCfgChange=1)),
    ("configuration", mib("ARISTA-CONFIG-MAN-MIB", "1.3.6.1.4.1.30065.3.9.3.0", aristaConfigManEvent=1)),
    ("configuration", mib("HUAWEI-CONFIG-MAN-MIB", "1.3.6.1.4.1.2011.6.10.2", hwCfgManEventlog=1)),
    ("configuration", mib("HH3C-CONFIG-MAN-MIB", "1.3.6.1.4.1.25506.2.4.2", hh3cCfgManEventlog=1)),
    ("configuration", mib("FORTINET-FORTIGATE-MIB", "1.3.6.1.4.1.12356.101.6.0", fgFmTrapConfChange=1003)),
    ("configuration", mib("FOUNDRY-SN-TRAP-MIB", "1.3.6.1.4.1.1991.0", snTrapRunningConfigChanged=73)),
    (
        "configuration",
        mib(
            "HP-SWITCH-BASIC-CONFIG-MIB",
            "1.3.6.1.4.1.11.2.14.11.5.1.7.1.29.1.0",
            hpSwitchRunningConfigChange=7,
        ),
    ),
)
_KINDS: dict[Oid, str] = {one.oid: kind for kind, objects in _NOTIFICATIONS for one in objects.values()}
#: snmpTrapAddress.0 (RFC 3584 section 3.1): the agent-addr of SNMPv1, and what a proxy says of whom it speaks for.
_TRAP_ADDRESS = (*mib("SNMP-COMMUNITY-MIB", "1.3.6.1.6.3.18.1", snmpTrapAddress=3)["snmpTrapAddress"].oid, 0)


def kind_of(trap: Oid) -> str | None:
    """Return the kind of news that a notification brings; None where it asks for nothing."""
    return _KINDS.get(trap)


def senders(trap: "Trap") -> Iterator[str]:
    """Yield the addresses that a trap may be from, the likeliest first."""
    for variable in trap.variables:
        if variable.oid == _TRAP_ADDRESS and variable.kind is Kind.IP_ADDRESS and variable.data != "0.0.0.0":  # noqa: S104  # says nothing
            yield str(variable.data)
    yield trap.source
