"""Words about links, in which CIs stand as ``{id}`` until they are shown: names change."""

import re
from collections.abc import Iterable, Mapping

from sqlmodel import Session, col, select

from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.cis import Ci

_NAMED = re.compile(r"\{(\d+)\}")


def names_in(session: Session, texts: Iterable[str]) -> dict[int, str]:
    """Return the names of the CIs that some texts mean, by id."""
    ids = sorted({int(found) for text in texts for found in _NAMED.findall(text)})
    names: dict[int, str] = {}
    for part in chunks(ids):
        names.update(session.exec(select(Ci.id, Ci.name).where(col(Ci.id).in_(part))).all())
    return names


def named(text: str, names: Mapping[int, str]) -> str:
    """Return a text with the names of CIs in it."""
    return _NAMED.sub(lambda found: names.get(int(found[1]), found[0]), text)
