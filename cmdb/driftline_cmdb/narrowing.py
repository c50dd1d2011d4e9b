"""Agents that look at less than before: a finding for each source, which closes by itself when they look again.

A topic that is read no more, a shorter watch list, a narrower root: what changes there is seen no more, and who wants
to change a host unseen begins with that. What another version of the agent reads or does not read is no such thing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import zstandard
from sqlmodel import Session, col, select

from driftline.v1.facts_pb2 import Facts
from driftline_cmdb.attention import events
from driftline_cmdb.tables.cis import Finding
from driftline_cmdb.tables.elements import Section

KIND = "narrowed"
#: A topic that no manifest names and no configuration leaves out may be waiting for a package manager that long, ms.
PATIENCE_MS = 15 * 60_000
#: The section, and the path of its element, in which an agent says what it looks at.
AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Unread:
    """Topics of a source that its last manifest did not name: since when, and which the finding names."""

    #: By name; ms.
    since: Mapping[str, int]
    named: frozenset[str]

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Unread":
        """Return what is stored."""
        return cls(stored.get("since", {}), frozenset(stored.get("named", ())))

    def stored(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return {"since": dict(self.since), "named": sorted(self.named)} if self.since else {}


def narrower(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what an agent's settings leave out that they did not before: setting to what of it."""
    out: dict[str, list[str]] = {}
    for name, without in (("files_roots", False), ("readable_roots", True)):
        had, has = _listed(before, name), _listed(after, name)
        if had is None and has is not None and without:
            out[name] = ["all others than " + ", ".join(sorted(has))]
        elif had is not None and (has is not None or not without):
            gone = {one for one in had if not any(one == other or one.startswith(f"{other}/") for other in has or ())}
            if gone:
                out[name] = sorted(gone)
    more = set(_listed(after, "files_exclude") or ()) - set(_listed(before, "files_exclude") or ())
    if more:
        out["files_exclude"] = sorted(more)
    if before.get("watch") is True and after.get("watch") is False:
        out["watch"] = ["changes as they happen"]
    if (before.get("files_text_bytes") or 0) > (after.get("files_text_bytes") or 0) == 0:
        out["files_text_bytes"] = ["texts of configuration files"]
    gone_too = set(_listed(before, "enabled") or ()) - set(_listed(after, "enabled") or ())
    if gone_too:
        out["enabled"] = sorted(gone_too)
    return out


def _listed(attributes: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    value = attributes.get(name)
    return None if not value else tuple(value)


def unread_now(before: Unread, known: Mapping[str, Any], named: frozenset[str], now_ms: int) -> Unread:
    """Return which topics a manifest does not name.

    :param known: sections on record.
    :param named: by the manifest.
    """
    since = {name: before.since.get(name, now_ms) for name in sorted(known) if name not in named}
    return Unread(since, before.named & since.keys())


def note_unread(
    session: Session,
    source: Any,
    ci_id: int | None,
    unread: Unread,
    version: str,
    settings: Mapping[str, Any],
    now_ms: int,
) -> Unread:
    """Bring the finding up to date with the topics that are read no more; return what it names now.

    :param source: row of the source, as it was before this report.
    :param version: of the agent that sends this report.
    :param settings: attributes of what the agent says of itself; empty where it says nothing.
    """
    offered = _offered(session, source.id)
    if AGENT in unread.since or offered is None:  # it does not say what it can read: another version may read less
        if version != source.agent_version:
            return unread
        offered = frozenset(unread.since)
    chosen = _listed(settings, "topics")
    lost = {
        name
        for name, since in unread.since.items()
        if name in offered
        and (name in unread.named or (chosen and name not in chosen) or now_ms - since >= PATIENCE_MS)
    }
    if lost != unread.named:
        _put(session, source, ci_id, now_ms, topics={name: unread.since[name] for name in sorted(lost)})
    return Unread(unread.since, frozenset(lost))


def note_settings(
    session: Session, source: Any, ci_id: int | None, before: Mapping[str, Any], after: Mapping[str, Any], now_ms: int
) -> None:
    """Bring the finding up to date with a change of what an agent says of itself."""
    found = _open(session, source.uid)
    was = dict(found.detail.get("was") or {}) if found is not None else {}
    lost = narrower(was or before, after)
    if lost or was:
        _put(session, source, ci_id, now_ms, settings=lost, was=(was or dict(before)) if lost else None)


def is_settled(unread: Unread, now_ms: int) -> bool:
    """Tell whether a look at these topics would say nothing new."""
    return all(name in unread.named or now_ms - since < PATIENCE_MS for name, since in unread.since.items())


def _offered(session: Session, source_id: int) -> frozenset[str] | None:
    query = select(Section.state).where(Section.source_id == source_id, Section.name == AGENT)
    state = session.exec(query).first()
    if not state:
        return None
    return frozenset(Facts.FromString(zstandard.decompress(state)).agent.topics_offered) or None


def _open(session: Session, uid: str) -> Finding | None:
    query = select(Finding).where(Finding.key == f"{KIND}:{uid}", col(Finding.closed_ms).is_(None))
    return session.exec(query).first()


def _put(session: Session, source: Any, ci_id: int | None, now_ms: int, **changed: Any) -> None:
    """Open, change or close the source's finding."""
    found = _open(session, source.uid)
    opened = found is None
    if found is None:
        found = Finding(kind=KIND, key=f"{KIND}:{source.uid}", ci_id=ci_id, message="", detail={}, opened_ms=now_ms)
    detail = {"source": source.uid, "topics": {}, "settings": {}, "was": None, **found.detail, **changed}
    if not detail["topics"] and not detail["settings"]:
        if opened:
            return
        found.closed_ms = now_ms
        found.message += "; it does again"
    else:
        found.message = f"{source.hostname or source.uid} looks at less than before: {'; '.join(_words(detail))}"
    found.detail, found.ci_id = detail, ci_id
    session.add(found)
    if opened:
        session.flush()
        events.emit_finding(session, found, now_ms)


def _words(detail: Mapping[str, Any]) -> list[str]:
    said = []
    if detail["topics"]:
        said.append(f"no longer read: {', '.join(detail['topics'])}")
    words = {
        "files_roots": "folders no longer told of",
        "readable_roots": "folders that may no longer be read",
        "files_exclude": "files newly left out",
        "watch": "no longer seen",
        "files_text_bytes": "no longer sent",
        "enabled": "turned off",
    }
    said += [f"{words[name]}: {', '.join(what)}" for name, what in sorted(detail["settings"].items())]
    return said
