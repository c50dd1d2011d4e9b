"""Installed software with what follows from its facts: package URL, product and maker. No facts, and never stored."""

from collections.abc import Sequence

from pydantic import BaseModel
from sqlmodel import Session

from driftline import derived, paths
from driftline.schema import Value
from driftline_cmdb import record
from driftline_cmdb.record import FactValue
from driftline_cmdb.tables.cis import Ci
from driftline_server.cis.facts import grouped

RELEASE = "os.release"
_KINDS = ("software.packages", "software.language_packages", "software.images")


class SoftwareRow(BaseModel):
    """A package, a package of a programming language, or a container image."""

    path: str
    #: dpkg, rpm, pypi, npm, docker ...
    manager: str
    name: str
    #: None for images.
    version: str | None
    #: Package URL, https://packageurl.org; None where its kind has none.
    purl: str | None
    #: Stable id of the product, the same on every distribution; None for images.
    title: str | None
    product: str | None
    #: Who makes the product, where that is known.
    maker: str | None


def software_rows(session: Session, ci: Ci, match: Sequence[str]) -> list[SoftwareRow]:
    """Return a CI's software, sorted by path.

    :param match: patterns of paths; all software by default.
    """
    found = record.facts_of(session, ci, (*_KINDS, RELEASE))
    release = derived.release_of({item.path: item.value for item in found if item.path.startswith(RELEASE)})
    elements = grouped([item for item in found if item.path.startswith("software.")])
    return [
        _row(path, attributes, derived.of_element(path, attributes, release))
        for path, attributes in elements.items()
        if not match or paths.matches_any(match, path)
    ]


def _row(path: str, attributes: dict[str, Value], follows: dict[str, str]) -> SoftwareRow:
    keys = next(iter(reversed(list(paths.steps(path)))))[1] or ()
    version = attributes.get("version")
    return SoftwareRow(
        path=path,
        manager=keys[0],
        name=keys[2] if path.startswith("software.language_packages") else keys[1],
        version=version if isinstance(version, str) else None,
        purl=follows.get("purl"),
        title=follows.get("title"),
        product=follows.get("product"),
        maker=follows.get("maker"),
    )


def followed(found: Sequence[FactValue]) -> dict[str, dict[str, str]]:
    """Return what follows of each element among facts, by its path. The release must be among them, too."""
    release = derived.release_of({item.path: item.value for item in found if item.path.startswith(RELEASE)})
    return {
        path: follows
        for path, attributes in grouped([item for item in found if item.path.startswith(_KINDS)]).items()
        if (follows := derived.of_element(path, attributes, release))
    }
