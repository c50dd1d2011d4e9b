"""What people decide on an identity that several hold: split it, expect it of an image, retire it, release it.

A divided identity ends: nothing is taken in its name any more, and whoever calls with it is told to come to the enrol
port for an identity of its own (`own_identity`). An identity of its own is a source like any other; what it speaks for
is settled when its first sections come (`bind_decided`), so that a CI is never without facts in between.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from sqlmodel import Session, col, func, select

from driftline_cmdb import audit, sources
from driftline_cmdb.devices import fencing
from driftline_cmdb.drift.due import mark_due
from driftline_cmdb.errors import Ambiguous, Conflict, Invalid, NotFound, Refused
from driftline_cmdb.identity import authority, bindings, holders
from driftline_cmdb.intern import insert_ignoring
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.holders import Holder, OwnIdentity
from driftline_cmdb.tables.identity import IdentityClaim, IdentityDecision, SharedEvidence
from driftline_cmdb.tables.sources import DEVICE, Certificate, Source

#: Who was not known when an identity was split, and comes with its certificate all the same: so many, no more.
MOST_STRANGERS = 16
#: A split identity's certificates are revoked so long after the decision at the latest, ms.
KEPT_MS = 7 * 86_400_000
#: Kinds of evidence that say a name only: machines of one image need not share it.
_NAMES = ("hostname", "fqdn", "management_address")


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody asks for an identity of its own; checked: it holds the divided identity's key."""

    #: The epoch that it reports in.
    epoch: str
    #: The last receipt's token in that epoch; empty where it never got one.
    continuation: bytes
    #: HostClaims as a dict.
    claims: dict[str, Any]
    #: Its new key: SubjectPublicKeyInfo, DER.
    public_key: bytes


def split(
    session: Session, source: Source, keep: str | None, actor: str, reason: str, now_ms: int
) -> list[OwnIdentity]:
    """Give each known holder of an identity one of its own.

    :param keep: the holder that keeps the CI, by its epoch (8 characters or more of it), host name or address; each
        other one gets a CI of its own then. None: all are identified as new sources are.
    :raises NotFound: no holder is meant by `keep`.
    :raises Ambiguous: several are.
    :raises Refused: where one alone holds it.
    :raises Conflict: where it was divided or retired before.
    :raises Invalid: without a reason.
    """
    _check(source, reason)
    parties = [one for one in holders.of_source(session, source) if one.forked]
    if len(parties) < 2:
        raise Refused(f"source {source.uid}: one alone holds it, as far as is known: there is nothing to split")
    kept = named(parties, keep) if keep is not None else None
    fencing.drop(session, source.id, now_ms)
    binding = bindings.of_source(session, source.id)
    decision = _decide(session, source, binding, "split source", actor, reason, now_ms)
    given = []
    for one in parties:
        own_as = "identified" if kept is None else "kept" if one is kept else "new"
        own = _new_source(session, str(uuid4()), one.claims.get("hostname"), now_ms)
        row = OwnIdentity(of_source_id=source.id, epoch=one.epoch, source_id=own.id, own_as=own_as)
        session.add(row)
        given.append(row)
    if binding is not None and kept is None:
        _end_binding(session, source, binding, now_ms)
    _end(session, source, "split", decision, now_ms)
    said = [holders.plain(one) | {"kept": one is kept} for one in parties]
    detail = {"reason": reason, "keep": kept.epoch if kept is not None else None, "holders": said}
    audit.record(session, actor, "source.split", f"source {source.uid}", detail, now_ms)
    session.flush()
    return given


def expect(session: Session, source: Source, actor: str, reason: str, now_ms: int) -> None:
    """Have an identity be an image's: each machine that comes with it gets an identity and a CI of its own.

    What it claimed is common to all of them, and counts for nothing from now on.

    :raises Conflict: where it was divided or retired before.
    :raises Invalid: without a reason.
    """
    _check(source, reason)
    fencing.drop(session, source.id, now_ms)
    binding = bindings.of_source(session, source.id)
    decision = _decide(session, source, binding, "expect", actor, reason, now_ms)
    claimed = select(IdentityClaim).where(IdentityClaim.source_id == source.id, col(IdentityClaim.kind).not_in(_NAMES))
    note = f"of the image with the identity {source.uid}: {reason}"
    shared = [
        {"key": one.key, "kind": one.kind, "machines": 0, "learnt_ms": now_ms, "by": actor, "note": note}
        for one in session.exec(claimed)
    ]
    insert_ignoring(session, SharedEvidence, shared)
    if binding is not None:
        _end_binding(session, source, binding, now_ms)
    _end(session, source, "image", decision, now_ms)
    detail = {"reason": reason, "shared": sorted(str(one["key"]) for one in shared)}
    audit.record(session, actor, "source.expected", f"source {source.uid}", detail, now_ms)
    session.flush()


def retire(session: Session, source: Source, actor: str, reason: str, now_ms: int) -> None:
    """Take an identity away from all who hold it: nothing of it is taken any more, and none is given in its place.

    :raises Conflict: where it was retired before.
    :raises Invalid: without a reason.
    """
    if source.ended_as == "retired":
        raise Conflict(f"source {source.uid} was retired before")
    if not reason.strip():
        raise Invalid("reason: is empty; say why")
    fencing.drop(session, source.id, now_ms)
    binding = bindings.of_source(session, source.id)
    decision = _decide(session, source, binding, "retire source", actor, reason, now_ms)
    if binding is not None:
        bindings.end(session, binding, now_ms)
        authority.settle(session, binding.ci_id, now_ms)
    sources.revoke_certificates(session, source, actor, reason, now_ms)
    _end(session, source, "retired", decision, now_ms)
    audit.record(session, actor, "source.retired", f"source {source.uid}", {"reason": reason}, now_ms)
    session.flush()


def release(session: Session, source: Source, actor: str, reason: str, now_ms: int) -> None:
    """Take reports of a quarantined source again: one alone holds it after all.

    :raises Invalid: where it is not quarantined.
    """
    sources.release(session, source, actor, reason, now_ms)
    for one in session.exec(select(Holder).where(Holder.source_id == source.id, col(Holder.forked))):
        one.forked = False
        session.add(one)
    session.flush()
    binding = bindings.of_source(session, source.id)
    if binding is not None:
        authority.settle(session, binding.ci_id, now_ms)


def own_identity(session: Session, source_id: int, ask: Ask, now_ms: int) -> Source:
    """Return the identity of one who holds a divided one; the same again for the same key.

    Who names an epoch of a holder that was known at the decision, and has its last receipt's token where it had one,
    gets what was decided for it, once. Anybody else with this certificate is a stranger: what it claims is weighed.

    :raises Refused: where too many strangers came.
    """
    query = select(Source).where(Source.id == source_id).with_for_update()
    source = session.exec(query.execution_options(populate_existing=True)).one()
    key = sha256(ask.public_key).digest()
    rows = session.exec(select(OwnIdentity).where(OwnIdentity.of_source_id == source_id)).all()
    row = next((one for one in rows if one.key == key), None)
    if row is None and source.ended_as == "split":
        proven = ask.epoch != source.epoch or ask.continuation == source.continuation
        row = next((one for one in rows if one.key is None and one.epoch == ask.epoch and proven), None)
    if row is None:
        _check_strangers(source, rows)
        own = _new_source(session, own_uid(source.uid, ask.public_key), ask.claims.get("hostname"), now_ms)
        own_as = "new" if source.ended_as == "image" else "identified"
        row = OwnIdentity(of_source_id=source_id, epoch=ask.epoch, source_id=own.id, own_as=own_as)
    if row.key is None:
        row.key, row.given_ms = key, now_ms
        session.add(row)
        own = session.get_one(Source, row.source_id)
        detail = {"of": source.uid, "as": row.own_as, "epoch": row.epoch, "hostname": ask.claims.get("hostname")}
        audit.record(session, "driftline", "source.own_identity", f"source {own.uid}", detail, now_ms)
    session.flush()
    return session.get_one(Source, row.source_id)


def bind_decided(session: Session, source_id: int, sections: bool, now_ms: int) -> bool:
    """Bind a source that speaks for no CI as a decision says, once it reports sections; False where it must wait.

    Where no decision is about it, nothing is done, and True returned: its claims decide.
    """
    query = select(OwnIdentity).where(OwnIdentity.source_id == source_id, OwnIdentity.own_as != "identified")
    row = session.exec(query).first()
    if row is None:
        return True
    if not sections:
        return False
    own, of = session.get_one(Source, source_id), session.get_one(Source, row.of_source_id)
    decision = session.get(IdentityDecision, of.ended_decision_id) if of.ended_decision_id is not None else None
    if bindings.of_source(session, own.id) is not None or _was_bound(session, own.id):
        return True  # people have decided on it since
    before = bindings.of_source(session, of.id)
    if row.own_as == "kept" and before is not None:
        ci_id = before.ci_id
        bindings.end(session, before, max(_cut_ms(session, of, row.epoch, now_ms), before.since_ms + 1))
        mark_due(session, ci_id, now_ms)
    elif row.own_as == "kept" and decision is not None:
        ci_id = decision.ci_id
    else:
        name = own.hostname or own.uid
        ci = Ci(uid=str(uuid4()), name=name, announced=False, first_seen_ms=now_ms, last_seen_ms=now_ms)
        session.add(ci)
        session.flush()
        ci_id = ci.id
    why = decision.reason if decision is not None else f"identity {of.uid} was divided"
    actor = decision.actor if decision is not None else "driftline"
    words = "keeps the CI" if row.own_as == "kept" else "is a machine of its own"
    reason = f"{actor} decided that it {words}: {why}"
    bindings.bind(session, own.id, ci_id, reason, now_ms, decision_id=decision.id if decision is not None else None)
    authority.settle(session, ci_id, now_ms)
    session.flush()
    return True


def revoke_spent(session: Session, now_ms: int) -> int:
    """Revoke the certificates of split identities that nobody needs any more; return of how many identities.

    That is when each holder that was known at the decision reports as its own, or some days after the decision.
    """
    valid = select(Certificate.source_id).where(col(Certificate.revoked_ms).is_(None))
    split_ones = select(Source).where(Source.ended_as == "split", col(Source.id).in_(valid))
    done = 0
    for source in session.exec(split_ones).all():
        waiting = (
            select(func.count())
            .select_from(OwnIdentity)
            .join(Source, col(Source.id) == col(OwnIdentity.source_id))
            .where(OwnIdentity.of_source_id == source.id, col(Source.seen_ms).is_(None))
        )
        late = source.ended_ms is not None and source.ended_ms <= now_ms - KEPT_MS
        if session.exec(waiting).one() and not late:
            continue
        binding = bindings.of_source(session, source.id)
        if binding is not None and late:
            _end_binding(session, source, binding, now_ms)
        reason = "it was split, and who held it has an identity of its own"
        sources.revoke_certificates(session, source, "driftline", reason, now_ms)
        done += 1
    return done


def named(parties: list[Holder], name: str) -> Holder:
    """Return the holder that a name means: its epoch or the start of it, its host name, an address.

    :raises NotFound: none.
    :raises Ambiguous: several.
    """
    found = [
        one
        for one in parties
        if one.epoch == name
        or (len(name) >= 8 and one.epoch.startswith(name))
        or one.claims.get("hostname") == name
        or any(peer[0] == name for peer in one.peers)
    ]
    found = [one for one in found if one.epoch == name] or found
    if len(found) == 1:
        return found[0]
    known = "; ".join(f"{one.epoch} ({holders.said(one)})" for one in found or parties)
    if not found:
        raise NotFound(f'keep: no holder is "{name}"; there are {known}')
    raise Ambiguous(f'keep: "{name}" is each of {known}; name one by its epoch')


def own_uid(uid: str, public_key: bytes) -> str:
    """Return the identity that a new key gets in place of a divided one."""
    return str(UUID(bytes=sha256(b"driftline own v1\0" + uid.encode() + b"\0" + public_key).digest()[:16], version=4))


def _check(source: Source, reason: str) -> None:
    if not reason.strip():
        raise Invalid("reason: is empty; say why")
    if source.kind == DEVICE:
        raise Refused(f"source {source.uid} is a device: who holds its lease speaks for it; see driftline device show")
    if source.ended_as is not None:
        words = {"split": "split", "image": "expected of an image"}.get(source.ended_as, source.ended_as)
        raise Conflict(f"source {source.uid} was {words} before")


def _check_strangers(source: Source, rows: Any) -> None:
    strangers = sum(1 for one in rows if one.own_as == "identified" and one.key is not None)
    if source.ended_as == "split" and strangers >= MOST_STRANGERS:
        raise Refused(
            f"identity {source.uid} was split, and {strangers} came for one of their own that nobody knew of: no more; "
            "enrol with a join token"
        )


def _new_source(session: Session, uid: str, hostname: object, now_ms: int) -> Source:
    source = Source(uid=uid, hostname=str(hostname or ""), enrolled_ms=now_ms)  # its first report brings its claims
    session.add(source)
    session.flush()
    return source


def _was_bound(session: Session, source_id: int) -> bool:
    return session.exec(select(Binding.id).where(Binding.source_id == source_id).limit(1)).first() is not None


def _cut_ms(session: Session, of: Source, epoch: str, now_ms: int) -> int:
    """Return up to when what was taken in a divided identity's name is of the holder that keeps the CI.

    That is until now, where it is the one whose reports were taken. Another one was pushed out of its epoch when its
    copy reported first, or while it was cut off: what was taken since then is the other one's.
    """
    if epoch == of.epoch:
        return now_ms
    query = select(Holder).where(Holder.source_id == of.id, Holder.epoch == epoch)
    kept = session.exec(query).first()
    if kept is not None and kept.previous_epoch in of.past_epochs and of.epoch_ms is not None:
        return of.epoch_ms
    return of.diverged_ms if of.diverged_ms is not None else now_ms


def _end_binding(session: Session, source: Source, binding: Binding, now_ms: int) -> None:
    """End a divided identity's binding where nobody of its holders keeps the CI: when they parted, if that is known."""
    until_ms = source.diverged_ms if source.diverged_ms is not None else now_ms
    bindings.end(session, binding, max(until_ms, binding.since_ms + 1))
    authority.settle(session, binding.ci_id, now_ms)


def _end(session: Session, source: Source, ended_as: str, decision: IdentityDecision | None, now_ms: int) -> None:
    source.ended_as, source.ended_ms = ended_as, now_ms
    source.ended_decision_id = decision.id if decision is not None else None
    source.quarantined_ms = source.quarantine_reason = source.held_epoch = source.held_ms = None
    session.add(source)
    sources.close_findings(session, source, now_ms)


def _decide(
    session: Session, source: Source, binding: Binding | None, action: str, actor: str, reason: str, now_ms: int
) -> IdentityDecision | None:
    """Write the decision down; None where the identity speaks for no CI, then the audit trail alone has it."""
    if binding is None:
        return None
    detail = {"source": source.uid, "summary": f"{action}: {source.hostname or 'unnamed'} ({source.uid})"}
    decision = IdentityDecision(
        at_ms=now_ms, actor=actor, action=action, reason=reason, ci_id=binding.ci_id, detail=detail
    )
    session.add(decision)
    session.flush()
    return decision
