"""Replacement of hardware by an RFC: the CI keeps name, owner, baseline, relations and history, the asset changes."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from driftline import facts, schema
from driftline.v1.collector_pb2 import HostClaims
from driftline_baseline.identity import serial_key
from driftline_baseline.lifecycle import IN_EFFECT
from driftline_cmdb import audit, driven, recording
from driftline_cmdb.errors import Conflict, Invalid, Refused
from driftline_cmdb.identity import assets, bindings
from driftline_cmdb.identity.aliases import aliases, survivor
from driftline_cmdb.identity.decided import Deciding, Said
from driftline_cmdb.identity.merging import join
from driftline_cmdb.record import elements_of
from driftline_cmdb.rfcs.planning import Planned, add_planned
from driftline_cmdb.rfcs.reading import find_rfc
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.identity import Asset, IdentityDecision
from driftline_cmdb.tables.rfcs import Rfc, RfcDelta
from driftline_cmdb.tables.sources import Source

#: Elements that hardware brings along, by how their paths begin.
_OF_HARDWARE = ("hardware.", "network.interfaces[", "storage.devices[", "os.host")
_LONGEST = 200
_EXPECTED = """
SELECT serial_key, id FROM asset WHERE serial_key IN ({asked}) AND status = 'expected' AND until_ms IS NULL
ORDER BY id DESC
"""


@dataclass(frozen=True, slots=True)
class Replacement:
    """A decision that a CI gets other hardware, and what of it the RFC explains."""

    decision: IdentityDecision
    #: How many identity facts the RFC predicts to change by it.
    predicted: int
    #: Why it predicts none; empty where it does.
    why_not: str


def replace(
    session: Session, ci: Ci, serial: str, rfc_number: int, actor: str, reason: str, now_ms: int
) -> Replacement:
    """Have a CI get other hardware: at once where a CI with that serial number reports, else with its first report.

    :raises Invalid: a serial number that is none, or no reason.
    :raises Refused: where the RFC does not allow it, or the CI is that hardware.
    :raises Conflict: where this hardware is expected already.
    :raises NotFound: where there is no such RFC.
    """
    said = Said(actor, reason, now_ms)
    said.check()
    key = serial_key(serial) if len(serial) <= _LONGEST else None
    if key is None:
        raise Invalid(f'serial: "{serial[:60]}" is no serial number that tells machines apart')
    if ci.merged_into_id is not None:
        raise Refused(f"{ci.name} ({ci.uid}) was merged into another CI; replace the hardware of that one")
    rfc = find_rfc(session, rfc_number)
    _check_rfc(session, rfc, ci)
    old = assets.present(session, ci)
    if old is not None and old.key == key:
        raise Refused(f"{ci.name} is {old.serial_number} already; give the serial number of the new hardware")
    waiting = _expected(session, [key])
    if waiting is not None:
        other = session.get_one(Ci, waiting.ci_id)
        raise Conflict(f"{serial} is expected for {other.name} already; undo that first: driftline identity decisions")
    holder_id = assets.holder_of(session, key, ci.id)
    holder = survivor(session, session.get_one(Ci, holder_id)) if holder_id is not None else None
    if holder is not None and holder.id == ci.id:
        holder = None
    new = assets.Hardware(serial.strip(), key, None, None)
    if holder is not None:
        new = assets.present(session, holder) or new
    deciding = Deciding.begin(session, "replace", said, ci, holder, rfc.id)
    book = assets.Book(session, now_ms, deciding.row.id, rfc.id)
    predicted, why_not = _predict(session, rfc, ci, serial.strip(), now_ms)
    if old is not None:
        book.add(ci, old, "in use")
    if holder is None:
        book.add(ci, new, "expected")
    else:
        if old is not None:
            book.add(ci, old, "returned")
        for binding in _agents(session, ci):
            deciding.end(binding)
        join(deciding, holder, ci)
        book.add(ci, new, "in use")
    deciding.note(assets=book.changes, serial=serial.strip(), predicted=predicted, why_not=why_not)
    words = "is expected for" if holder is None else "is"
    decision = deciding.finish(f"{serial.strip()} {words} CI {ci.name} by RFC {rfc.number}")
    return Replacement(decision, len(predicted), why_not)


def _check_rfc(session: Session, rfc: Rfc, ci: Ci) -> None:
    named = select(RfcDelta.id).where(
        RfcDelta.rfc_id == rfc.id, col(RfcDelta.ci_id).in_(aliases(session, ci.id)), RfcDelta.state != "withdrawn"
    )
    if session.exec(named.limit(1)).first() is None:
        raise Refused(
            f"RFC {rfc.number} does not name {ci.name}; plan one that does: "
            f"driftline rfc plan TITLE --ci {ci.name} --expect 'hardware.system.serial_number is SERIAL'"
        )
    if rfc.state not in IN_EFFECT:
        mend = "plan another one" if rfc.closed_ms is not None else f"first: driftline rfc authorise {rfc.number}"
        raise Refused(
            f"RFC {rfc.number} is {rfc.state}: hardware is replaced by an RFC that is authorised and not closed; {mend}"
        )


def _agents(session: Session, ci: Ci) -> list[Binding]:
    found = bindings.of_ci(session, ci.id)
    return [one for one in found if session.get_one(Source, one.source_id).kind == "agent"]


def _predict(session: Session, rfc: Rfc, ci: Ci, serial: str, now_ms: int) -> tuple[list[int], str]:
    """Have the RFC predict that the identity facts of the CI's hardware change; return its new deltas' ids.

    They are authorised with it: the RFC is, and replacing this hardware is what it is for.
    """
    if rfc.origin != "person":
        return [], f"RFC {rfc.number} was not planned by a person: what changes in identity raises its own RFC"
    if rfc.planned_end_ms is not None and rfc.planned_end_ms <= now_ms:
        return [], f"the window of RFC {rfc.number} has ended: what changes in identity raises its own RFC"
    there = set(
        session.exec(
            select(RfcDelta.path).where(RfcDelta.rfc_id == rfc.id, col(RfcDelta.ci_id).in_(aliases(session, ci.id)))
        )
    )
    planned = [
        Planned(ci, path, "is", serial)
        if path == "hardware.system.serial_number"
        else Planned(ci, path, "matches", ".*")
        for path in _identity_paths(session, ci)
        if path not in there
    ]
    if not planned:
        why = "" if there else f"{ci.name} reports no identity of its hardware yet"
        return [], why
    add_planned(session, rfc, planned)
    query = select(RfcDelta).where(
        RfcDelta.rfc_id == rfc.id, RfcDelta.ci_id == ci.id, col(RfcDelta.path).in_([one.path for one in planned])
    )
    added = session.exec(query.order_by(col(RfcDelta.id))).all()
    for delta in added:
        delta.state, delta.authorised_ms = "authorised", now_ms
        session.add(delta)
    session.flush()
    return [delta.id for delta in added], ""


def _identity_paths(session: Session, ci: Ci) -> list[str]:
    """Return the paths of the identity facts that a CI has by its hardware: serial numbers, UUID, MACs."""
    found = []
    for element, attributes in sorted(elements_of(session, ci.id).items()):
        if not element.startswith(_OF_HARDWARE):
            continue
        by_name = facts.plan_at(element).by_name
        found += [
            f"{element}.{name}"
            for name, value in attributes.items()
            if by_name[name].nature == schema.IDENTITY and isinstance(value, str)
        ]
    return found


def _expected(session: Session, keys: Sequence[str]) -> Asset | None:
    """Return the asset that is expected with one of some keys, of the first that is."""
    found = dict(driven.ask(session, _EXPECTED, keys)) if keys else {}
    return next((session.get_one(Asset, found[key]) for key in keys if key in found), None)


def expected_replacement(session: Session, claims: HostClaims) -> Asset | None:
    """Return the asset that a CI waits for and that these claims are of; None where none waits for them."""
    said = (claims.system_serial_number, claims.chassis_serial_number, claims.board_serial_number)
    return _expected(session, [key for serial in said if serial and (key := serial_key(serial)) is not None])


def take_over(session: Session, asset: Asset, source: Source, now_ms: int) -> Ci:
    """Let a new source, whose hardware a CI waits for, speak for it from now on; what was before is returned.

    It carries out the decision that expected it, and is undone with that.

    :return: the CI, to which the source is bound now.
    """
    ci = survivor(session, session.get_one(Ci, asset.ci_id))
    decision = session.get_one(IdentityDecision, asset.decision_id)
    deciding = Deciding(session, decision, Said(decision.actor, decision.reason, now_ms), {ci.id: ci})
    deciding.ended, deciding.began = list(decision.detail["ended"]), list(decision.detail["began"])
    deciding.merged, deciding.carried = list(decision.detail["merged"]), list(decision.detail["carried"])
    book = assets.Book(session, now_ms, decision.id, asset.rfc_id)
    book.changes = list(decision.detail["assets"])
    in_use = select(Asset).where(Asset.ci_id == ci.id, Asset.status == "in use", col(Asset.until_ms).is_(None))
    for old in session.exec(in_use).all():
        book.set(old, "returned")
    for binding in _agents(session, ci):
        deciding.end(binding)
    rfc = session.get(Rfc, asset.rfc_id) if asset.rfc_id is not None else None
    deciding.bind(source.id, ci, f"replacement {asset.serial_number}, RFC {rfc.number if rfc else '?'}")
    book.set(asset, "in use")
    deciding.note(assets=book.changes)
    ci.last_seen_ms = now_ms
    session.add(ci)
    recording.note_arrivals(session, [ci.id], now_ms)
    deciding.settle()
    detail = {"decision": decision.id, "source": source.uid, "serial": asset.serial_number}
    audit.record(session, "driftline", "identity.took_over", f"CI {ci.name}", detail, now_ms)
    return ci
