"""docs/utilization.md says what the code does."""

from pathlib import Path

import pytest

from driftline_cmdb.utilization import batch, compaction, histogram

TEXT = " ".join((Path(__file__).parents[3] / "docs" / "utilization.md").read_text().split())


@pytest.mark.parametrize(
    "sentence",
    [
        f"more than {batch.MAX_SERIES:,} series, or {batch.MAX_MINUTES:,} minutes in a series",
        f"more than {batch.MAX_DECIMALS} decimal places",
        f"a value beyond 10^{len(str(batch.MAX_VALUE)) - 1} of its last place",
        f"longer than {batch.MAX_METRIC} (metric), {batch.MAX_INSTANCE} (instance) or {batch.MAX_UNIT} (unit)",
        f"Minutes are kept {compaction.KEEP_MINUTES_MS // 86_400_000} days",
        f"hours {compaction.KEEP_HOURS_MS // 86_400_000 // 365} years",
        f"within {histogram.ERROR * 100:.0f} % of the value at the nearest rank",
        f"{ {10: 'Ten'}[compaction.GRACE_MS // 60_000] } minutes after its end, an hour of a source is sealed",
    ],
)
def test_it_says(sentence: str) -> None:
    assert sentence in TEXT
