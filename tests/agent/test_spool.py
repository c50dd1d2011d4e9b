"""The spool: order, bounds, what is dropped first, and what a crash leaves."""

from pathlib import Path

from driftline.v1.collector_pb2 import Dropped
from driftline_agent.spool import SECTIONS, UTILIZATION, Spool, waiting


def names(spool: Spool) -> list[str]:
    return [entry.name for entry in spool.entries()]


def test_order_survives_a_restart(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    for kind, data in ((SECTIONS, b"one"), (UTILIZATION, b"two"), (SECTIONS, b"three")):
        spool.put(kind, data)
    again = Spool(tmp_path / "spool")
    assert [again.read(entry) for entry in again.entries()] == [b"one", b"two", b"three"]
    assert again.put(SECTIONS, b"four").number == 4
    assert waiting(tmp_path / "spool") == 4


def test_modes(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    entry = spool.put(SECTIONS, b"x")
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "spool" / entry.name).stat().st_mode & 0o777 == 0o600


def test_a_full_spool_drops_the_oldest_utilization_first_and_never_the_newest_sections(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", limit=100)
    spool.put(SECTIONS, b"s" * 30)
    spool.put(UTILIZATION, b"u" * 30)
    spool.put(UTILIZATION, b"v" * 30)
    spool.put(SECTIONS, b"t" * 30)
    assert names(spool) == ["000000000001.sections", "000000000003.utilization", "000000000004.sections"]
    spool.put(UTILIZATION, b"w" * 90)
    assert names(spool) == ["000000000004.sections", "000000000005.utilization"]
    assert Spool(tmp_path / "spool").dropped == Dropped(utilization_batches=2, reports=1)


def test_the_newest_sections_stay_even_where_they_alone_are_too_large(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", limit=10)
    spool.put(SECTIONS, b"a" * 50)
    spool.put(UTILIZATION, b"b" * 50)
    assert names(spool)[0] == "000000000001.sections"


def test_what_was_reported_as_dropped_is_not_reported_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    for kind in (SECTIONS, UTILIZATION, UTILIZATION):
        spool.drop(spool.put(kind, b"x"))
    spool.reported(Dropped(utilization_batches=1, reports=1))
    assert Spool(tmp_path / "spool").dropped == Dropped(utilization_batches=1)


def test_a_crash_between_stamping_and_removing_leaves_the_stamped_one(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    entry = spool.put(SECTIONS, b"plain")
    spool.stamp(entry, 7, b"stamped")
    (tmp_path / "spool" / entry.name).write_bytes(b"plain")
    (tmp_path / "spool" / ".000000000002.sections.new").write_bytes(b"half")
    again = Spool(tmp_path / "spool")
    assert names(again) == ["000000000001.sections.7"]
    assert again.read(again.entries()[0]) == b"stamped"
    assert sorted(path.name for path in (tmp_path / "spool").iterdir()) == ["000000000001.sections.7"]
