"""CIs that values name, and values that only one CI may have, looked up for many CIs at once."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlmodel import Session, col, or_, select

from driftline_baseline.catalog.model import Catalog
from driftline_baseline.catalog.values import text_of
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.cis import Ci


@dataclass(frozen=True, slots=True)
class Named:
    """A CI as others refer to it."""

    uid: str
    name: str
    ci_class: str


class Lookup:
    """What a name or uid means; each is asked for once."""

    def __init__(self, session: Session, catalog: Catalog) -> None:
        """Start knowing nothing."""
        self._session = session
        self.catalog = catalog
        self._known: dict[str, list[Named]] = {}

    def load(self, texts: Iterable[str]) -> None:
        """Look up names and uids that will be asked for."""
        unknown = sorted({text for text in texts if text} - self._known.keys())
        for text in unknown:
            self._known[text] = []
        for chunk in chunks(unknown):
            query = select(Ci.uid, Ci.name, Ci.ci_class).where(
                or_(col(Ci.uid).in_(chunk), col(Ci.name).in_(chunk)),
                col(Ci.status) != "disposed",
                col(Ci.merged_into_id).is_(None),
            )
            for uid, name, ci_class in self._session.exec(query.order_by(col(Ci.id))):
                found = Named(uid, name, ci_class)
                for key in {uid, name} & set(chunk):
                    self._known[key].append(found)

    def add(self, made: Named) -> None:
        """Note a CI that is about to be made; its name must have been loaded."""
        for key in (made.uid, made.name):
            self._known.setdefault(key, []).append(made)

    def find(self, text: str) -> list[Named]:
        """Return the CIs that a text means: those with this name or uid."""
        if text not in self._known:
            self.load([text])
        return self._known.get(text, [])

    def of_kind(self, text: str | None, kinds: Collection[str]) -> Named | None:
        """Return the one CI of some classes that a text means; None where there is none, or several."""
        if not text:
            return None
        found = [one for one in self.find(text) if any(self.catalog.is_a(one.ci_class, kind) for kind in kinds)]
        return found[0] if len(found) == 1 else None


def holders(session: Session, field: str) -> dict[str, list[tuple[str, str]]]:
    """Return who has which value of a field: (uid, name) by the value's text."""
    value = col(Ci.fields)[field]
    query = select(Ci.uid, Ci.name, Ci.fields).where(
        value.as_string().is_not(None), col(Ci.status) != "disposed", col(Ci.merged_into_id).is_(None)
    )
    found: dict[str, list[tuple[str, str]]] = {}
    for uid, name, fields in session.exec(query.order_by(col(Ci.id))):
        if fields.get(field) is not None:
            found.setdefault(text_of(fields[field]), []).append((uid, name))
    return found
