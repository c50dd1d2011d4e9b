"""CIs as people name them: one by name or uid, several by a pattern of names or by what their record says."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from sqlmodel import Session, col, select

from driftline_baseline.document import Document
from driftline_cmdb.baselines.groups import parse_group
from driftline_cmdb.baselines.selection import covered_by
from driftline_cmdb.errors import NotFound
from driftline_cmdb.record import find_ci
from driftline_cmdb.tables.cis import UNSEEN_STATUSES, Ci


def chosen(session: Session, texts: Iterable[str]) -> list[Ci]:
    """Return the CIs that some texts mean, each once, by name.

    A text is a name or uid, a pattern of names (``lb[1-6]``, ``web*``), or conditions on the record
    (``environment=production role=web``).

    :raises NotFound: where a text means no CI.
    :raises Ambiguous: where several CIs have a name.
    :raises Invalid: where conditions cannot be read.
    """
    found: dict[int, Ci] = {}
    for text in texts:
        for ci in _meant(session, text.strip()):
            found[ci.id] = ci
    return sorted(found.values(), key=lambda ci: (ci.name, ci.id))


def _meant(session: Session, text: str) -> list[Ci]:
    if "=" in text:
        found = list(covered_by(session, Document(text, parse_group(text), ())).values())
    elif any(mark in text for mark in "*?["):
        query = select(Ci).where(col(Ci.status).not_in(UNSEEN_STATUSES), col(Ci.merged_into_id).is_(None))
        found = [ci for ci in session.exec(query) if fnmatchcase(ci.name, text)]
    else:
        return [find_ci(session, text)]
    if not found:
        raise NotFound(f'"{text}" means no CI; driftline ci list shows them all')
    return found
