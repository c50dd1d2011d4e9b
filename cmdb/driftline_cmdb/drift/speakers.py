"""Drifts that come from a change of the speaker: another source says what a CI is, the host need not have changed.

Such a drift is opened like any other, because nobody knows whether the new word is right, and nothing is lost. It says
in its why who speaks now and who did before, and all that one change of the speaker made is one group, one RFC.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, or_, select

from driftline_baseline.compare import Difference
from driftline_baseline.expected import element_path
from driftline_baseline.speaking import family
from driftline_cmdb.identity.bindings import Voice
from driftline_cmdb.identity.disagreement import named
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.elements import Assessment, Holding, Path, Section
from driftline_cmdb.tables.sources import RECORD, Source
from driftline_cmdb.tables.speaking import Muting


@dataclass(frozen=True, slots=True)
class Shift:
    """How a CI is spoken for otherwise than when it was last assessed."""

    session: Session
    #: Sources that speak for it since, and those that do not any more.
    came: frozenset[int]
    left: frozenset[int]
    #: Sections that were muted since, or are no longer, with the source of each.
    turned: Mapping[int, int]

    def words(
        self, differences: Iterable[Difference], speaking: Mapping[str, tuple[int, int] | None]
    ) -> dict[str, str]:
        """Say of the differences that another source made who speaks now and who did before, by element path.

        :param speaking: whose word counts at an element's path: source and section; None where nothing is there.
        """
        places = {element_path(item.path) for item in differences}
        heads = {path: speaking.get(path) for path in places}
        moved = {path for path, head in heads.items() if head is None or head[0] in self.came or head[1] in self.turned}
        if not moved:
            return {}
        before = self._before({family(path) for path in moved})
        names = self._names({head[0] for head in heads.values() if head is not None}.union(*before.values()))
        found: dict[str, str] = {}
        for path in moved:
            head = heads[path]
            # What is gone was theirs only where they held it.
            others = before.get(path, set()) if head is None else before.get(family(path), set()) - {head[0]}
            gone = " and ".join(sorted(names[source_id] for source_id in others))
            if head is not None:
                found[path] = f"{names[head[0]]} speaks here now" + (f", in place of {gone}" if gone else "")
            elif gone:
                found[path] = f"{gone} does not speak here any more"
        return found

    def _before(self, families: set[str]) -> dict[str, set[int]]:
        """Return who said anything of some families, and of which paths there, and does not count there now."""
        silenced = list(self.turned)
        found: dict[str, set[int]] = {}
        query = (
            select(Path.text, Holding.source_id)
            .join(Holding, col(Holding.path_id) == col(Path.id))
            .join(Section, col(Section.id) == col(Holding.section_id))
            .where(
                col(Holding.source_id).in_(sorted({*self.left, *self.turned.values()})),
                or_(
                    col(Holding.source_id).in_(sorted(self.left)),
                    (col(Holding.section_id).in_(silenced)) & col(Section.muted),
                ),
                col(Holding.until_revision).is_(None),
            )
        )
        for path, source_id in self.session.exec(query):
            if family(path) in families:
                found.setdefault(family(path), set()).add(source_id)
                found.setdefault(path, set()).add(source_id)
        return found

    def _names(self, source_ids: Iterable[int]) -> dict[int, str]:
        found: dict[int, str] = {}
        for chunk in chunks(sorted(set(source_ids))):
            rows = self.session.exec(select(Source).where(col(Source.id).in_(chunk)))
            found.update((row.id, named(row)) for row in rows)
        return found


def shift_of(session: Session, ci: Ci, voices: Sequence[Voice]) -> Shift | None:
    """Return how a CI is spoken for otherwise than when it was last assessed; None where it is not, or never was."""
    now = {voice.source_id for voice in voices if voice.kind != RECORD}
    assessed = {
        row.source_id: row
        for row in session.exec(
            select(Assessment)
            .join(Source, col(Source.id) == col(Assessment.source_id))
            .where(
                or_(Assessment.ci_id == ci.id, col(Assessment.source_id).in_(sorted(now))),
                Source.kind != RECORD,
            )
        )
    }
    of_it = {source_id for source_id, row in assessed.items() if row.ci_id == ci.id}
    if not of_it:
        return None
    came, left = now - of_it, of_it - now
    turned: dict[int, int] = {}
    if len(now) > 1 or left:
        since_ms = min(assessed[source_id].assessed_ms for source_id in of_it)
        query = (
            select(Muting.section_id, Section.source_id, Muting.since_ms, Muting.until_ms)
            .join(Section, col(Section.id) == col(Muting.section_id))
            .where(
                col(Section.source_id).in_(sorted(now)),
                or_(col(Muting.since_ms) >= since_ms, col(Muting.until_ms) >= since_ms),
            )
        )
        for section_id, source_id, muted_ms, until_ms in session.exec(query):
            row = assessed.get(source_id)
            if row is not None and max(muted_ms, until_ms or 0) >= row.assessed_ms:
                turned[section_id] = source_id
    if not (came or left or turned):
        return None
    return Shift(session, frozenset(came), frozenset(left), turned)
