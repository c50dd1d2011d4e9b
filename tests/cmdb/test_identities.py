"""Identity: one machine, one CI. A timeline a folder, each on SQLite and on PostgreSQL.

``DRIFTLINE_IDENTITY_CASES=FOLDER`` runs the cases of another folder too.
"""

import os
from pathlib import Path

import pytest
from tests.support import timeline
from tests.support.identities import Identities

from driftline_cmdb.database import Database

_FOLDERS = [Path(__file__).parent / "identities"]
if more := os.environ.get("DRIFTLINE_IDENTITY_CASES"):
    _FOLDERS.append(Path(more))
CASES = sorted(path.parent for folder in _FOLDERS for path in folder.glob("*/case.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_case(case: Path, database: Database) -> None:
    Identities(database).run(timeline.load(case))
