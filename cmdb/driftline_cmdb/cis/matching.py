"""Which CI a row of a table means: by name, uid, serial number or full host name."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlmodel import Session, col, select

from driftline_cmdb.baselines.selection import facts_at
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.cis import Ci

#: What a CI is found by, the surest first, and where the facts say it.
BY = ("uid", "name", "serial", "fqdn")
_PATHS = {"serial": "hardware.system.serial_number", "fqdn": "os.host.fqdn"}


@dataclass(frozen=True, slots=True)
class Match:
    """The CIs that a text means."""

    ids: tuple[int, ...] = ()
    #: Why none is meant, where there is more to say than that there is none.
    why: str = ""


def matches(session: Session, by: str, texts: Collection[str]) -> dict[str, Match]:
    """Return the CIs that some texts mean.

    :param by: one of :data:`BY`.
    """
    wanted = sorted(set(texts))
    if by in _PATHS:
        return _by_fact(session, by, wanted)
    column = col(Ci.uid) if by == "uid" else col(Ci.name)
    found: dict[str, list[tuple[int, str]]] = {}
    gone: dict[str, str] = {}
    for chunk in chunks(wanted):
        query = select(column, Ci.id, Ci.status, Ci.merged_into_id).where(column.in_(chunk)).order_by(col(Ci.id))
        for text, ci_id, status, merged in session.exec(query):
            if merged is not None:
                gone[text] = "was merged into another CI; name that one"
            elif status == "disposed" and by == "name":
                gone[text] = "was disposed of; name it by its uid where you mean it"
            else:
                found.setdefault(text, []).append((ci_id, status))
    out = {text: Match(tuple(ci_id for ci_id, _ in ids)) for text, ids in found.items()}
    return {text: Match(why=why) for text, why in gone.items()} | out


def _by_fact(session: Session, by: str, texts: Iterable[str]) -> dict[str, Match]:
    path = _PATHS[by]
    standing = select(Ci.id).where(col(Ci.merged_into_id).is_(None), Ci.status != "disposed")
    said: dict[str, list[int]] = {}
    for ci_id, values in facts_at(session, list(session.exec(standing)), [path]).items():
        if path in values:
            said.setdefault(_normal(str(values[path])), []).append(ci_id)
    return {text: Match(tuple(sorted(said[_normal(text)]))) for text in texts if _normal(text) in said}


def _normal(text: str) -> str:
    return text.strip().rstrip(".").lower()
