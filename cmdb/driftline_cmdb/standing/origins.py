"""What origins publish: loaded from a repository's own index, so that no host can forge it (rule 15)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from driftline_baseline.allowed import Published
from driftline_cmdb import audit
from driftline_cmdb.errors import Invalid
from driftline_cmdb.intern import insert_ignoring
from driftline_cmdb.tables.standing import OriginVersion

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """A version that an origin publishes."""

    manager: str
    name: str
    architecture: str
    version: str


def load(session: Session, origin: str, entries: Iterable[Entry], actor: str, now_ms: int) -> int:
    """Add what an origin publishes now; what it published before stays known. Return how many versions were new.

    :raises Invalid: where the name cannot be one.
    """
    if not origin or len(origin) > 100 or any(character.isspace() for character in origin):
        raise Invalid(f'"{origin}" cannot name an origin; use up to 100 characters without spaces')
    before = _count(session, origin)
    batch: list[dict[str, object]] = []
    for entry in entries:
        if not (entry.name and entry.version):
            raise Invalid(f"{entry}: an entry has a name and a version")
        batch.append(
            {
                "origin": origin,
                "manager": entry.manager,
                "name": entry.name,
                "architecture": entry.architecture,
                "version": entry.version,
                "since_ms": now_ms,
            }
        )
        if len(batch) == _BATCH:
            insert_ignoring(session, OriginVersion, batch)
            batch = []
    if batch:
        insert_ignoring(session, OriginVersion, batch)
    new = _count(session, origin) - before
    audit.record(session, actor, "origin.loaded", f"origin {origin}", {"new": new}, now_ms)
    return new


def _count(session: Session, origin: str) -> int:
    return session.exec(select(func.count()).select_from(OriginVersion).where(OriginVersion.origin == origin)).one()


def require_known(session: Session, names: Iterable[str | None]) -> None:
    """Pass where something is known of what each origin publishes: nothing could ever come from another one.

    :raises Invalid: where an origin was never loaded.
    """
    for name in sorted({name for name in names if name is not None}):
        if session.exec(select(OriginVersion.name).where(OriginVersion.origin == name).limit(1)).first() is None:
            raise Invalid(
                f'origin: nothing is known of "{name}"; load its index first: driftline origin load {name} FILE'
            )


def published(session: Session) -> Published:
    """Return the question whether an origin publishes a version; each is asked of the record once."""
    known: dict[tuple[str, tuple[str, str, str], str], bool] = {}

    def ask(origin: str, package: tuple[str, str, str], version: str) -> bool:
        key = (origin, package, version)
        if key not in known:
            manager, name, architecture = package
            query = select(OriginVersion.version).where(
                OriginVersion.origin == origin,
                OriginVersion.manager == manager,
                OriginVersion.name == name,
                col(OriginVersion.architecture).in_((architecture, "*")),
                OriginVersion.version == version,
            )
            known[key] = session.exec(query.limit(1)).first() is not None
        return known[key]

    return ask


def read_debian_index(lines: Iterable[str]) -> Iterator[Entry]:
    """Yield what a Debian ``Packages`` index publishes.

    :raises Invalid: where a stanza has a version and no package; the message has its line.
    """
    stanza: dict[str, str] = {}
    for number, line in enumerate([*lines, ""], start=1):
        text = line.rstrip("\r\n")
        if text and not text[0].isspace():
            field, _, value = text.partition(":")
            stanza[field] = value.strip()
        elif not text and stanza:
            if not (stanza.get("Package") and stanza.get("Version")):
                raise Invalid(
                    f"line {number}: the stanza before has no Package or no Version: is this a Packages index?"
                )
            yield Entry("dpkg", stanza["Package"], stanza.get("Architecture", "*"), stanza["Version"])
            stanza = {}
