"""Does a report continue what was received from its source? Notices roll-backs and clones (design section 4).

A report either continues its source's running epoch by the last receipt's token, or begins a new epoch. A new epoch
beside one that was heard lately waits (:class:`Held`): either the running one reports again, then two hold the identity
(:class:`Forked`), and of the second one nothing was ever taken; or it stays quiet, then the machine was rolled back.
What is refused is written down by `driftline_cmdb.identity.holders`.
"""

import os
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from driftline_cmdb import driven
from driftline_cmdb.attention import events
from driftline_cmdb.errors import Divided, Forked, Held, Refused, Rejected
from driftline_cmdb.tables.cis import Finding
from driftline_cmdb.tables.sources import DEVICE, RECORD, Source

_PAST_EPOCHS = 16
#: An epoch is live while it was heard within so many check-ins, and within this time, ms.
_CHECK_INS, _LEAST_MS = 2.5, 60_000
#: Who waits comes back after this time, s; so does who reports from where its source never did.
QUICK_S = 10
#: Bytes of a continuation token: random ones, and the receipt's time.
_RANDOM, _TIME = 16, 6


@dataclass(frozen=True, slots=True)
class Position:
    """Where a report says it stands."""

    epoch: str
    sequence: int
    continuation: bytes
    digest: bytes
    received_ms: int


class Diverged(Rejected):
    """A report in the running epoch that does not follow the last receipt."""


def patience_ms(source: Source) -> int:
    """Return for how long after its last call a source's running epoch counts as live, ms."""
    return max(_LEAST_MS, int(source.check_in_s * _CHECK_INS * 1000))


def is_retry(source: Source, report: Position) -> bool:
    """Tell whether a report is the last one again, whose receipt was lost.

    :raises Refused: where the source is quarantined; as Divided where each of its holders gets an identity of its own,
        as Forked where this report shows that there are two of them.
    :raises Held: where a new epoch must wait.
    :raises Rejected: where the report does not continue what was received; nothing may be changed then.
    """
    if source.ended_as is not None:
        raise ended(source.uid, source.ended_as)
    if source.quarantined_ms is not None:
        raise Refused(
            f"{source.uid} is quarantined: {source.quarantine_reason}; an operator must release, split or retire it"
        )
    if not report.epoch or report.sequence < 1:
        raise Rejected("stamp.epoch and stamp.sequence must be set; the first report of an epoch has sequence 1")
    if report.epoch != source.epoch:
        _check_begins(source, report)
        return False
    retry = report.sequence == source.sequence and report.digest == source.report_digest
    if not retry and report.sequence <= source.sequence:
        raise Diverged(
            f"sequence {report.sequence} was received before with other content (the last is {source.sequence}): "
            "this agent's state was rolled back or copied; start a new epoch"
        )
    if not retry and report.continuation != source.continuation:
        raise Diverged("stamp.continuation is not the last receipt's: this agent's state was copied; start a new epoch")
    if source.held_ms is not None and report.received_ms - source.held_ms <= patience_ms(source):
        raise Forked(
            f"{source.uid} is held by two: epoch {source.held_epoch} reports beside this one; it is quarantined until "
            "an operator decides"
        )
    return retry


def _check_begins(source: Source, report: Position) -> None:
    if report.epoch in source.past_epochs:
        raise Rejected(f"epoch {report.epoch} ended when a newer one began: start a new epoch")
    if report.continuation:
        raise Rejected("stamp.continuation belongs to an epoch that is not known here: start a new epoch")
    if source.epoch is None or source.seen_ms is None or source.kind in (RECORD, DEVICE):
        return  # who reports of a device has proved by its lease that it alone does
    left_ms = source.seen_ms + patience_ms(source) - report.received_ms
    if left_ms > 0:
        raise Held(
            f"another epoch of this identity was heard {(report.received_ms - source.seen_ms) // 1000} s ago: this one "
            f"is taken when that one stays quiet for {-(-left_ms // 1000)} s more; keep the report and come back",
            min(QUICK_S, max(1, -(-left_ms // 1000))),
        )


def ended(uid: str, ended_as: str) -> Refused:
    """Return what those are told who hold an identity in whose name nothing is taken any more."""
    if ended_as == "retired":
        return Refused(f"source {uid} was retired; enrol with a join token")
    why = "is an image's" if ended_as == "image" else "was held by several and was split"
    return Divided(
        f"identity {uid} {why}: whoever holds it gets one of its own at the enrol port; an agent too old for that must "
        "enrol with a join token"
    )


def token(received_ms: int) -> bytes:
    """Return a new continuation token. It tells its receipt's time, so that a copy tells when it was made."""
    return os.urandom(_RANDOM) + received_ms.to_bytes(_TIME, "big")


def token_ms(continuation: bytes) -> int | None:
    """Return the time of the receipt that handed out a token; None where it is no token of ours."""
    return int.from_bytes(continuation[_RANDOM:], "big") if len(continuation) == _RANDOM + _TIME else None


def ended_epochs(source: Source, epoch: str) -> list[str]:
    """Return the source's past epochs once `epoch` has begun."""
    if source.epoch is None or source.epoch == epoch:
        return source.past_epochs
    return [*source.past_epochs, source.epoch][-_PAST_EPOCHS:]


def open_finding(
    session: Session,
    kind: str,
    key: str,
    ci_id: int | None,
    message: str,
    detail: dict[str, Any],
    now_ms: int,
    *,
    tell: bool = True,
) -> bool:
    """Open a finding unless the same one is open; tell whether it was opened.

    :param tell: False where people are told of it by another event.
    """
    if driven.ask(session, "SELECT id FROM finding WHERE key IN ({asked}) AND closed_ms IS NULL", [key]):
        return False
    values = {"kind": kind, "key": key, "ci_id": ci_id, "message": message, "detail": detail, "opened_ms": now_ms}
    finding_id = driven.add(session, Finding, **values)
    if tell:
        events.emit_opened(session, finding_id, kind, ci_id, message, now_ms)
    return True
