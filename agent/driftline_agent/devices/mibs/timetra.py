"""TIMETRA-CHASSIS-MIB tmnxHwTable (Nokia's routers) in the words of ENTITY-MIB, which these do not have. Pure."""

from driftline_agent.devices.mib import Table, mib
from driftline_agent.devices.snmp import oids
from driftline_agent.devices.snmp.values import Kind, Oid, Var

#: Below which sysObjectID.
DEVICES = oids.parse("1.3.6.1.4.1.6527")
#: Index: tmnxChassisIndex, tmnxHwIndex.
HARDWARE = mib(
    "TIMETRA-CHASSIS-MIB",
    "1.3.6.1.4.1.6527.3.1.2.2.1.8.1",
    tmnxHwMfgBoardNumber=4,
    tmnxHwSerialNumber=5,
    tmnxHwManufactureDate=6,
    tmnxHwClass=7,
    tmnxHwName=8,
    tmnxHwAlias=9,
    tmnxHwAssetID=10,
    tmnxHwIsFRU=12,
    tmnxHwContainedIn=13,
    tmnxHwParentRelPos=14,
    tmnxHwBootCodeVersion=20,
    tmnxHwSoftwareCodeVersion=21,
)
_SAME = {
    "tmnxHwMfgBoardNumber": "entPhysicalModelName",
    "tmnxHwSerialNumber": "entPhysicalSerialNum",
    "tmnxHwManufactureDate": "entPhysicalMfgDate",
    "tmnxHwClass": "entPhysicalClass",
    "tmnxHwName": "entPhysicalName",
    "tmnxHwAlias": "entPhysicalAlias",
    "tmnxHwAssetID": "entPhysicalAssetID",
    "tmnxHwIsFRU": "entPhysicalIsFRU",
    "tmnxHwContainedIn": "entPhysicalContainedIn",
    "tmnxHwParentRelPos": "entPhysicalParentRelPos",
    "tmnxHwBootCodeVersion": "entPhysicalFirmwareRev",
    "tmnxHwSoftwareCodeVersion": "entPhysicalSoftwareRev",
}
#: TmnxHwClass -> PhysicalClass: other, physChassis, container, powerSupply, fan, sensor; ioModule, cpmModule,
#: fabricModule and mdaModule are modules, flashDiskModule is a storageDrive. Of other ones nothing is known.
_CLASSES = {1: 1, 3: 3, 4: 5, 5: 6, 6: 7, 7: 8, 8: 9, 9: 9, 10: 9, 11: 9, 12: 15}


def as_physical(hardware: Table) -> Table:
    """Return the table as if it were entPhysicalTable. Numbers of parts are made unique over several chassis."""
    columns: dict[str, dict[Oid, Var]] = {
        _SAME[name]: {
            (_number(index[0], index[1]),): _translated(name, index[0], variable)
            for index, variable in column.items()
            if len(index) == 2
        }
        for name, column in hardware.columns.items()
    }
    return Table(columns, {_SAME[name]: why for name, why in hardware.cuts.items()})


def _number(chassis: int, part: int) -> int:
    return part + max(chassis - 1, 0) * 2**32


def _translated(name: str, chassis: int, variable: Var) -> Var:
    data = variable.data
    if isinstance(data, int) and name == "tmnxHwClass":
        return Var(variable.oid, Kind.INTEGER, _CLASSES.get(data, 2))
    if isinstance(data, int) and name == "tmnxHwContainedIn" and data > 0:
        return Var(variable.oid, Kind.INTEGER, _number(chassis, data))
    if isinstance(data, bytes) and name == "tmnxHwSoftwareCodeVersion":
        # "TiMOS-B-9.0.R11 both/hops Nokia 7705 SAR Copyright (c) ..."
        return Var(variable.oid, variable.kind, data.split(b" ")[0])
    return variable


def applies(object_id: Oid | None) -> bool:
    """Tell whether a device is one of Nokia's routers, by its sysObjectID."""
    return object_id is not None and oids.within(object_id, DEVICES)
