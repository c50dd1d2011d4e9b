"""The two sides of a question of identity, as people compare them."""

from collections.abc import Collection
from datetime import datetime

from pydantic import BaseModel
from sqlmodel import Session, col, func, or_, select

from driftline import facts, paths
from driftline_cmdb.identity import bindings
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.tables.elements import Element, Holding, Path
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta
from driftline_cmdb.tables.sources import Source
from driftline_server.evidence import CiRef, ci_ref
from driftline_server.times import moment_or_none

_MOST = 20
_PLACES = ("os.release", "os.host", "hardware.system", "hardware.board", "hardware.chassis")


class Side(BaseModel):
    """One side of a question: a source with the CI that it speaks for, or the CI that it claims to be."""

    #: None for a source whose reports wait.
    ci: CiRef | None
    name: str
    status: str
    owner: str | None
    site: str | None
    os: str | None
    machine_id: str | None
    serials: list[str]
    macs: list[str]
    addresses: list[str]
    first_seen: datetime | None
    last_seen: datetime | None
    open_drifts: int
    #: Numbers of its open RFCs.
    rfcs: list[int]
    #: uids of the sources that speak for it.
    sources: list[str]


def of_ci(session: Session, ci: Ci) -> Side:
    """Return a CI as a side."""
    sources = [session.get_one(Source, one.source_id) for one in bindings.of_ci(session, ci.id)]
    return _side(session, ci, sources, ci.name, ci.first_seen_ms, ci.last_seen_ms)


def of_source(session: Session, source: Source, own: Ci | None) -> Side:
    """Return a source as a side, with its CI where it has one."""
    first_ms = own.first_seen_ms if own is not None else source.enrolled_ms
    return _side(session, own, [source], source.hostname or source.uid, first_ms, source.seen_ms)


def _side(
    session: Session, ci: Ci | None, sources: Collection[Source], name: str, first_ms: int | None, last_ms: int | None
) -> Side:
    held = _held(session, [source.id for source in sources])
    release, host = held.get("os.release", {}), held.get("os.host", {})
    claims = [source.claims for source in sources]
    serials = [
        str(held.get(f"hardware.{part}", {}).get("serial_number") or "") for part in ("system", "board", "chassis")
    ]
    for one in claims:
        serials += [str(one.get(f"{part}_serial_number") or "") for part in ("system", "board", "chassis")]
    macs = [str(attributes["mac"]) for attributes in held.values() if attributes.get("mac")]
    macs += [str(mac) for one in claims for mac in one.get("macs", ())]
    addresses = [
        keys[0] for path in held for step, keys in list(paths.steps(path))[-1:] if step == "addresses" and keys
    ]
    addresses += [str(address) for one in claims for address in one.get("management_addresses", ())]
    machine_id = host.get("machine_id") or next((one["machine_id"] for one in claims if one.get("machine_id")), None)
    return Side(
        ci=ci_ref(ci) if ci is not None else None,
        name=name,
        status=ci.status if ci is not None else "waiting",
        owner=ci.owner if ci is not None else None,
        site=ci.location if ci is not None else None,
        os=str(release.get("description") or release.get("name") or "") or None,
        machine_id=str(machine_id) if machine_id else None,
        serials=_distinct(serials),
        macs=_distinct(macs),
        addresses=_distinct(addresses),
        first_seen=moment_or_none(first_ms),
        last_seen=moment_or_none(last_ms),
        open_drifts=_open_drifts(session, ci) if ci is not None else 0,
        rfcs=_open_rfcs(session, ci) if ci is not None else [],
        sources=[source.uid for source in sources],
    )


def _distinct(values: list[str]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))[:_MOST]


def _held(session: Session, source_ids: Collection[int]) -> dict[str, dict[str, object]]:
    """Return what sources hold where a machine says who it is, by path."""
    query = (
        select(Path.text, Element.content)
        .join(Holding, col(Holding.path_id) == col(Path.id))
        .join(Element, col(Element.id) == col(Holding.element_id))
        .where(col(Holding.source_id).in_(source_ids), col(Holding.until_revision).is_(None))
        .where(or_(col(Path.text).in_(_PLACES), col(Path.text).startswith("network.interfaces[")))
        .order_by(col(Path.id))
    )
    return {path: dict(facts.attributes(path, content)) for path, content in session.exec(query)}


def _open_drifts(session: Session, ci: Ci) -> int:
    query = select(func.count(col(Drift.id))).where(
        Drift.ci_id == ci.id, col(Drift.closed_ms).is_(None), Drift.state == "open"
    )
    return session.exec(query).one()


def _open_rfcs(session: Session, ci: Ci) -> list[int]:
    query = (
        select(Rfc.number)
        .join(RfcDelta, col(RfcDelta.rfc_id) == col(Rfc.id))
        .where(RfcDelta.ci_id == ci.id, RfcDelta.state != "withdrawn", col(Rfc.closed_ms).is_(None))
    )
    return sorted(set(session.exec(query)))
