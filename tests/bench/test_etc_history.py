"""A real host's history of /etc: every change is found as it is, and the intrusion stands out."""

import tarfile
from pathlib import Path

import pytest
from bench import etc_history
from bench.etc_history import Found

from driftline_baseline.ownership import Maker

ARCHIVE = Path(__file__).with_name("etc-history.tar.xz")
INTRUSION = ("0049", "0052", "0053")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[Found]:
    folder = tmp_path_factory.mktemp("history")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return etc_history.replay(folder / "etc-history")


def named(results: list[Found], number: str) -> Found:
    (found,) = (result for result in results if result.case.name.startswith(number))
    return found


def test_every_change_is_found_with_its_path_mode_and_owner(results: list[Found]) -> None:
    assert len(results) == 118
    assert sum(len(result.case.changes) for result in results) == 288
    assert [result.missed() for result in results if result.missed()] == []


def test_owners_come_from_etckeeper_where_it_shows_them(results: list[Found]) -> None:
    john = named(results, "0050").case.after["/etc/john/john.conf"]
    assert (john["owner"], john["group"], john["mode"]) == ("root", "root", "0644")
    assert "owner" not in named(results, "0075").case.after["/etc/dbus-1/system.conf"]


def test_each_case_is_one_cause(results: list[Found]) -> None:
    assert {result.case.name: result.rfcs for result in results if result.rfcs != 1} == {}


@pytest.mark.parametrize("number", INTRUSION)
def test_the_intrusion_is_critical(results: list[Found], number: str) -> None:
    found = named(results, number)
    assert len(found.critical) > len(found.drifts) / 2
    assert found.maker == Maker.HAND
    assert all("no package owns it" in why for why in found.critical.values())


def test_a_package_transaction_between_the_steps_of_the_intrusion_is_not(results: list[Found]) -> None:
    assert named(results, "0050").critical == {}
    assert named(results, "0050").maker == Maker.PACKAGE


def test_critical_is_rare(results: list[Found]) -> None:
    assert sum(bool(result.critical) for result in results) <= 18
    calm = [result for result in results if etc_history.true_maker(result.case.subject) == "package transaction"]
    # 0117 links a unit that packages shipped in 2015 and do not any more: the list of owners has not got it
    assert [result.case.name[:4] for result in calm if result.critical] == ["0117"]


def test_what_ownership_alone_tells_of_the_maker(results: list[Found]) -> None:
    table = etc_history.confusion(results)
    assert table["found by etckeeper", "hand"] == 13
    assert table["package transaction", "package"] >= 10
    assert table["by hand", "package"] <= 1
    assert table["by hand", "hand"] >= 72
