"""What the record knows of why CIs are silent: certificates, refused calls, last words, and what neighbours saw.

Bounded: of so many CIs, through so many live hosts of their sites, however large the fleet is.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import zstandard
from sqlalchemy import func
from sqlmodel import Session, col, select

from driftline import facts
from driftline.v1.facts_pb2 import Facts
from driftline_baseline.silence_cause import Evidence, Sighting
from driftline_cmdb.drift.silence_devices import readers
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.cis import Binding, Ci
from driftline_cmdb.tables.elements import Element, Holding, Path, Section
from driftline_cmdb.tables.sources import RECORD, Certificate, Source

#: Live hosts of one site that are asked what they see, those heard last, and silent CIs that are looked for.
_WITNESSES = 5
_LOOKED_FOR = 50
#: The topic that reads neighbours.
_TOPIC = "neighbours"


def gather(session: Session, ci_ids: Collection[int], live_after_ms: int, now_ms: int) -> dict[int, Evidence]:
    """Return the evidence of silent CIs, by id.

    :param live_after_ms: who called after this time is heard, and can tell what it sees.
    """
    sights = _sightings(session, sorted(ci_ids)[:_LOOKED_FOR], live_after_ms)
    by_ci = _sources(session, ci_ids)
    certificates = _certificates(session, [source.id for ones in by_ci.values() for source in ones])
    by = readers(session, ci_ids, now_ms)
    return {
        ci_id: replace(
            _evidence(sources, *certificates, sights.get(ci_id, ())), unread=by[ci_id].said if ci_id in by else ""
        )
        for ci_id, sources in by_ci.items()
    }


def of_sources(session: Session, sources: Sequence[Source], heard_by: str) -> Evidence:
    """Return the evidence of some sources of a CI that another one still reports of."""
    certificates = _certificates(session, [source.id for source in sources])
    return _evidence(sources, *certificates, (), heard_by)


def _evidence(
    sources: Sequence[Source],
    good: Mapping[int, int],
    revoked: Mapping[int, Certificate],
    sights: Sequence[Sighting],
    heard_by: str = "",
) -> Evidence:
    refused = max((one for one in sources if one.refused_ms), key=lambda one: one.refused_ms or 0, default=None)
    left = max((one for one in sources if one.left_ms), key=lambda one: one.left_ms or 0, default=None)
    until_ms = max((good[one.id] for one in sources if one.id in good), default=None)
    of_them = [revoked[one.id] for one in sources if one.id in revoked] if until_ms is None else []
    ended = max(of_them, key=lambda one: one.revoked_ms or 0, default=None)
    return Evidence(
        max((one.seen_ms or 0 for one in sources), default=0),
        refused.refused_ms if refused is not None else None,
        (refused.refused_reason if refused is not None else None) or "",
        left.left_ms if left is not None else None,
        (left.left_reason if left is not None else None) or "",
        ended.revoked_ms if ended is not None else None,
        (ended.revoked_by if ended is not None else None) or "",
        until_ms,
        sights,
        heard_by,
    )


def _sources(session: Session, ci_ids: Collection[int]) -> dict[int, list[Source]]:
    found: dict[int, list[Source]] = {}
    for chunk in chunks(sorted(ci_ids)):
        query = (
            select(Binding.ci_id, Source)
            .join(Source, col(Source.id) == col(Binding.source_id))
            .where(col(Binding.ci_id).in_(chunk), col(Binding.until_ms).is_(None), Source.kind != RECORD)
        )
        for ci_id, source in session.exec(query):
            found.setdefault(ci_id, []).append(source)
    return found


def _certificates(session: Session, source_ids: list[int]) -> tuple[dict[int, int], dict[int, Certificate]]:
    """Return until when the newest good certificate of each source is, and what was revoked last where none is left."""
    good: dict[int, int] = {}
    revoked: dict[int, Certificate] = {}
    for chunk in chunks(sorted(source_ids)):
        query = (
            select(Certificate.source_id, func.max(Certificate.not_after_ms))
            .where(col(Certificate.source_id).in_(chunk), col(Certificate.revoked_ms).is_(None))
            .group_by(col(Certificate.source_id))
        )
        good.update(session.exec(query).all())
        without = [one for one in chunk if one not in good]
        ended = select(Certificate).where(
            col(Certificate.source_id).in_(without), col(Certificate.revoked_ms).is_not(None)
        )
        for one in session.exec(ended.order_by(col(Certificate.revoked_ms))):
            revoked[one.source_id] = one
    return good, revoked


def _sightings(session: Session, ci_ids: list[int], live_after_ms: int) -> dict[int, list[Sighting]]:
    """Return what live hosts of the same sites say of CIs among their neighbours."""
    known = _addresses(session, ci_ids)
    if not known:
        return {}
    by_site: dict[str | None, dict[str, int]] = {}
    for ci_id, site in session.exec(select(Ci.id, Ci.location).where(col(Ci.id).in_(sorted(known)))):
        by_site.setdefault(site, {}).update(dict.fromkeys(known[ci_id], ci_id))
    found: dict[int, list[Sighting]] = {}
    for site, wanted in by_site.items():
        for name, section in _witnesses(session, site, live_after_ms):
            state = Facts.FromString(zstandard.decompress(section.state))
            for one in state.network.neighbours:
                # Networks inside of hosts use the same addresses everywhere; who answers is known by its own address.
                seen = wanted.get(one.mac if one.reachable else one.address)
                if seen is not None and one.HasField("reachable"):
                    sight = Sighting(name, one.address, section.observed_ms, one.reachable)
                    found.setdefault(seen, []).append(sight)
    return found


def _witnesses(session: Session, site: str | None, live_after_ms: int) -> Iterable[tuple[str, Section]]:
    where = col(Ci.location).is_(None) if site is None else col(Ci.location) == site
    query = (
        select(Ci.name, Section)
        .join(Binding, col(Binding.ci_id) == col(Ci.id))
        .join(Source, col(Source.id) == col(Binding.source_id))
        .join(Section, col(Section.source_id) == col(Source.id))
        .where(where, col(Binding.until_ms).is_(None), col(Source.seen_ms) >= live_after_ms)
        .where(Section.name == _TOPIC, Section.state != b"", col(Section.stale_since_ms).is_(None))
        .order_by(col(Section.observed_ms).desc())
        .limit(_WITNESSES)
    )
    return session.exec(query).all()


def _addresses(session: Session, ci_ids: list[int]) -> Mapping[int, set[str]]:
    """Return the addresses and hardware addresses of CIs, as neighbours would name them."""
    found: dict[int, set[str]] = {}
    query = (
        select(Binding.ci_id, Path.text, Element.content)
        .select_from(Binding)
        .join(Holding, col(Holding.source_id) == col(Binding.source_id))
        .join(Path, col(Path.id) == col(Holding.path_id))
        .join(Element, col(Element.id) == col(Holding.element_id))
        .where(col(Binding.ci_id).in_(ci_ids), col(Binding.until_ms).is_(None))
        .where(col(Holding.until_revision).is_(None), col(Path.text).startswith("network.interfaces["))
    )
    for ci_id, path, content in session.exec(query):
        _, inside, address = path.rpartition("].addresses[")
        if inside:
            found.setdefault(ci_id, set()).add(address.partition("\\")[0])  # 192.0.2.7\/24], its / escaped
        elif mac := facts.attributes(path, content).get("mac"):
            found.setdefault(ci_id, set()).add(str(mac))
    return found
