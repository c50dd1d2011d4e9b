"""Reads of a device what its profile says how to read: texts by their sources, in order. Reading and choosing apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from driftline_agent.devices.mib import Row, Table, mib
from driftline_agent.devices.mibs.freshness import Sign
from driftline_agent.devices.profile import STANDARD, Profile, Ref, Source
from driftline_agent.devices.profiles import standard
from driftline_agent.devices.readout import Readout
from driftline_agent.devices.snmp import oids

#: ENTITY-MIB (RFC 6933) entPhysicalTable, what is read of a chassis.
ENTITY = mib(
    "ENTITY-MIB",
    "1.3.6.1.2.1.47.1.1.1.1",
    entPhysicalDescr=2,
    entPhysicalContainedIn=4,
    entPhysicalClass=5,
    entPhysicalName=7,
    entPhysicalHardwareRev=8,
    entPhysicalFirmwareRev=9,
    entPhysicalSoftwareRev=10,
    entPhysicalSerialNum=11,
    entPhysicalMfgName=12,
    entPhysicalModelName=13,
)
CHANGED = mib("ENTITY-MIB", "1.3.6.1.2.1.47.1.4", entLastChangeTime=1)
_CHASSIS, _STACK = 3, 11
_KEPT = "chassis"
#: Fields that a part has where it is more than a place.
_TELLING = ("entPhysicalSerialNum", "entPhysicalModelName", "entPhysicalSoftwareRev", "entPhysicalHardwareRev")
#: What devices write where they have nothing to say.
_NOTHING = frozenset(
    {
        "", "-", "--", "n/a", "na", "none", "null", "unknown", "not available", "not applicable", "not specified",
        "default string", "to be filled by o.e.m.", "system serial number", "undefined", "(null)", "empty", "invalid",
        "not present", "noserial", "no serial", "unavailable", "unspecified", "n.a.", "?", "no such instance", "system",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Chassis:
    """What is kept of a device from one poll to the next."""

    sign: Sign
    rows: int
    row: Row


@dataclass(slots=True)
class Told:
    """What a device told of itself, and what could not be asked."""

    texts: dict[str, str] = field(default_factory=dict)
    #: What of it could not be had this time -> why.
    unreadable: dict[str, str] = field(default_factory=dict)


def meant(text: str | None) -> str | None:
    """Return a text that says something; None for what devices write where they have nothing to say."""
    if text is None or text.strip(" .:;,'\"").lower() in _NOTHING:
        return None
    stripped = text.strip(" \"'")
    return None if stripped.strip("0xX.:- ") == "" and not any(one in "123456789" for one in stripped) else stripped


def chassis(table: Table) -> Row:
    """Return the part of ENTITY-MIB that stands for the whole device; an empty row where there is none. Pure.

    It is the chassis that stands in nothing, or in a stack; of several the one of the lowest index that says a serial
    number, a model or a release: the first member of a stack. Without one it is the part that stands in nothing.
    """
    rows = dict(table.rows())
    stacks = {index for index, row in rows.items() if row.integer("entPhysicalClass") == _STACK}
    whole = [row for row in rows.values() if row.integer("entPhysicalClass") == _CHASSIS]
    top = [row for row in whole if _place(row) in (None, (0,)) or _place(row) in stacks]
    roots = [row for row in rows.values() if _place(row) == (0,)]
    within = [row for index, row in rows.items() if _place(row) in stacks]
    for some in (top, whole, roots if len(roots) == 1 else [], within[:1]):
        for row in some:
            if any(meant(row.text(name)) for name in _TELLING):
                return row
    return next(iter([*top, *whole]), Row({}))


def _place(row: Row) -> tuple[int, ...] | None:
    found = row.integer("entPhysicalContainedIn")
    return None if found is None else (found,)


async def read(readout: Readout, profile: Profile, names: Sequence[str]) -> Told:
    """Return some of a profile's texts; the standard MIBs tell what its own sources do not."""
    told = Told()
    sources: Mapping[str, Sequence[Source]] = {
        name: (*profile.texts.get(name, ()), *(standard().texts.get(name, ()) if profile.name != STANDARD.name else ()))
        for name in names
    }
    scalars = [one.ref.object for some in sources.values() for one in some if one.ref and one.ref.row is None]
    await readout.scalars(*scalars)  # together, in as few questions as may be; each is taken from there below
    for name, some in sources.items():
        found, why = await _first(readout, some)
        if found is not None:
            told.texts[name] = found
        elif name == "model" and (known := profile.models.get(readout.system.object_id or ())):
            told.texts[name] = known
        elif why:
            told.unreadable[name] = why
    return told


async def _first(readout: Readout, sources: Sequence[Source]) -> tuple[str | None, str]:
    why = ""
    for source in sources:
        found, cut = await _of(readout, source)
        if found is not None:
            return found, ""
        why = why or cut
        if readout.ended and cut:  # a lower source may say something else: nobody knows which
            return None, cut
    return None, why


async def _of(readout: Readout, source: Source) -> tuple[str | None, str]:
    if source.description:
        return meant(source.of_text(readout.system.description)), ""
    if source.chassis is not None:
        row, cuts = await readout.once("chassis", lambda: _chassis(readout))
        return meant(source.of_text(meant(row.text(source.chassis)))), cuts.get(source.chassis, "")
    assert source.ref is not None  # noqa: S101  # one of the three, profile_file.py
    texts, why = await texts_of(readout, source.ref)
    return next((found for text in texts if (found := meant(source.of_text(meant(text))))), None), why


async def _chassis(readout: Readout) -> tuple[Row, Mapping[str, str]]:
    """Return the chassis, and why it may not be whole: as an earlier poll found it, where no part changed since."""
    row, _ = await readout.scalars(*CHANGED.values())
    sign = Sign(readout.system.at_s, readout.system.uptime_ticks, row.integer("entLastChangeTime"))
    known = readout.kept.get(_KEPT)
    if isinstance(known, _Chassis) and known.sign.holds(sign, known.rows):
        return known.row, {}
    table = await readout.table(*ENTITY.values())
    found = chassis(table)
    if table and table.whole:
        readout.kept[_KEPT] = _Chassis(sign, len(table.columns["entPhysicalClass"]), found)
    else:
        readout.kept.pop(_KEPT, None)
    return found, table.cuts


async def texts_of(readout: Readout, ref: Ref) -> tuple[list[str], str]:
    """Return what an object says, one text for each row that is meant, and why it may be incomplete."""
    name = ref.object.name
    if ref.row is None and ref.key is None:
        row, cuts = await readout.scalars(ref.object)
        return [text for text in [text_of(row, name)] if text is not None], cuts.get(name, "")
    index = ref.index
    if ref.key is not None:
        keys, why = await texts_of(readout, ref.key)
        if not keys or not keys[0].replace(".", "").isdigit():
            return [], why
        index = oids.parse(f"0.{keys[0]}")[1:]
    table = await readout.table(ref.object)
    rows = [row for found, row in table.rows() if index in (None, found)]
    return [text for row in rows if (text := text_of(row, name)) is not None], table.cuts.get(name, "")


def text_of(row: Row, name: str) -> str | None:
    """Return a variable as text: what it says, a number, or an object identifier."""
    number, oid = row.integer(name), row.oid(name)
    if number is not None:
        return str(number)
    return oids.show(oid) if oid is not None else row.text(name)
