"""The algebra of the design's section 6: a case a folder, each on SQLite and on PostgreSQL."""

from pathlib import Path

import pytest
from tests.support import timeline

from driftline_cmdb.database import Database

CASES = sorted(path.parent for path in Path(__file__).parent.glob("cases/*/case.yaml"))
#: Rules that hold from the first version on.
RULES = set(range(1, 18))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_case(case: Path, database: Database) -> None:
    timeline.Timeline(database).run(timeline.load(case))


def test_every_rule_has_a_case() -> None:
    assert {rule for case in CASES for rule in timeline.load(case)["rules"]} >= RULES
