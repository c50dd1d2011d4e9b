"""What people may change of a CI, as the API takes it."""

from sqlmodel import Session

from driftline_cmdb.cis.editing import edit_ci
from driftline_cmdb.tables.cis import Ci
from driftline_server.cis.views import CiEdit


def edit(session: Session, name: str, wanted: CiEdit, actor: str, now_ms: int) -> Ci:
    """Set what is given of a CI.

    :raises NotFound: no such CI.
    :raises Ambiguous: several of that name.
    :raises Invalid: what does not do, all of it.
    """
    given = wanted.model_dump(exclude_unset=True)
    if "ci_class" in given:
        given["class"] = given.pop("ci_class")
    return edit_ci(session, name, given, actor, now_ms)
