"""The history format is read strictly, a seed always gives the same history, and a small one scores well."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench.histories import run
from bench.histories.format import HistoryError, ReportLine, read, read_header, read_truth, truth_path
from bench.histories.generate import generate
from bench.histories.replay import facts_of
from bench.histories.score import Found, score, table

from driftline import facts
from driftline_cmdb.database import Database, migrate

HEADER = {
    "format": "driftline-history", "version": 1, "seed": None, "start": 1000, "end": 9000, "generator": "a test"
}  # fmt: skip
HOST = {"kind": "host", "name": "a", "environment": None, "site": None, "labels": {}}
PACKAGE = "software.packages[dpkg/sl/amd64]"


def report(**more: Any) -> dict[str, Any]:
    section = {"name": "dpkg", "observed": 2000, "since": None, "whole": {PACKAGE: {"version": "1.0"}}}
    return {"kind": "report", "at": 2000, "host": "a", "sent": 2000, "sections": [{**section, **more}], "log": []}


def lines_of(path: Path, *lines: Any, end: bool = True) -> list[object]:
    last = [{"kind": "end", "at": 9000, "lines": len(lines) + 2}] if end else []
    path.write_text("".join(json.dumps(line) + "\n" for line in (HEADER, *lines, *last)))
    return list(read(path))


def test_a_history_is_read(tmp_path: Path) -> None:
    found = lines_of(tmp_path / "h.jsonl", HOST, report())
    assert isinstance(found[1], ReportLine)
    assert found[1].sections[0].whole == {PACKAGE: {"version": "1.0"}}
    assert read_header(tmp_path / "h.jsonl").seed is None


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([HOST, HOST], "h.jsonl:3: name: \"a\" stands twice"),
        ([HOST, report(), {**HOST, "name": "b"}], "h.jsonl:4: kind: host lines stand before all others"),
        ([report()], 'h.jsonl:2: host: no host line before this one names "a"'),
        ([HOST, {**report(), "extra": 1}], "h.jsonl:3: extra: not known here; take it away"),
        ([HOST, report(since=2000)], "h.jsonl:3: sections[0]: since: 2000 is not before observed (2000)"),
        ([HOST, report(whole={PACKAGE: {"version": 1}})], f"whole.{PACKAGE}.version: 1 must be string"),
        ([HOST, report(whole={PACKAGE: {"name": "sl"}})], '"name" is not an attribute of such an element'),
        ([HOST, report(whole={"software.pkgs[x]": {}})], "the fact schema has no such element"),
        ([HOST, report(), {**report(), "at": 1999}], "h.jsonl:4: at: 1999 is before the line before it (2000)"),
        ([HOST, {"kind": "authorise", "at": 1, "rfc": "x", "by": "b"}], 'no rfc line before this one has the id "x"'),
        ([HOST, {"kind": "decision", "at": 1}], "'decision' is not one of host, catalogue"),
        (
            [HOST, {"kind": "report", "at": 1, "host": "a", "sent": 1, "log": [], "sections": [
                {"name": "dpkg", "observed": 2, "since": 1, "set": {}, "gone": [PACKAGE]}]}],
            'the first report of "dpkg" of a must be whole',
        ),
    ],
)  # fmt: skip
def test_what_is_not_of_the_format_is_named(tmp_path: Path, lines: list[Any], words: str) -> None:
    with pytest.raises(HistoryError) as error:
        lines_of(tmp_path / "h.jsonl", *lines)
    assert words in str(error.value)


def test_a_file_that_is_cut_off_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="the end line is missing"):
        lines_of(tmp_path / "h.jsonl", HOST, report(), end=False)


def test_elements_become_the_message_that_has_them() -> None:
    elements = {
        "software.packages[dpkg/a\\/b/amd64]": {"version": "1.0"},
        "network.interfaces[eth0]": {"mtu": 1500},
        "network.interfaces[eth0].addresses[192.0.2.1\\/24]": {"scope": "global"},
        "os.release": {"id": "debian", "like": ("x", "y")},
    }
    nested = "network.interfaces[eth0].addresses[192.0.2.1\\/24]"
    flat = {path: plain for path, plain in elements.items() if path != nested}
    found = facts.elements(facts_of(flat))
    assert {path: facts.attributes(path, element.content) for path, element in found.items()} == flat
    with pytest.raises(ValueError, match="elements within elements"):
        facts_of(elements)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("history") / "small.jsonl.gz"
    generate(path, seed=7, hosts=40, days=4)
    return path


def test_the_same_seed_gives_the_same_bytes(small: Path, tmp_path: Path) -> None:
    again = tmp_path / "small.jsonl.gz"
    generate(again, seed=7, hosts=40, days=4)
    assert again.read_bytes() == small.read_bytes()
    assert truth_path(again).read_bytes() == truth_path(small).read_bytes()
    generate(again, seed=8, hosts=40, days=4)
    assert again.read_bytes() != small.read_bytes()


def test_a_generated_history_is_of_the_format_and_has_all_classes(small: Path) -> None:
    kinds = {type(line).__name__ for line in read(small)}
    wanted = "HostLine Catalogue BaselineLine RuleLine RequestLine Authorise ReportLine Confirm Decide End"
    assert kinds == set(wanted.split())
    truth = read_truth(truth_path(small))
    assert {change.true_class for change in truth.changes} >= {"explained", "unexplained", "consequential"}
    assert all(change.cause in truth.causes for change in truth.changes)


def test_the_truth_is_not_in_the_history(small: Path, tmp_path: Path) -> None:
    """The replay gets along without it, so it cannot have looked."""
    alone = tmp_path / "alone.jsonl.gz"
    alone.write_bytes(small.read_bytes())
    words = {"cause", "class", "why"}
    assert not any(words & set(json.loads(line)) for line in _text(alone).splitlines())


def _text(path: Path) -> str:
    import gzip

    return gzip.decompress(path.read_bytes()).decode()


def test_a_small_fleet_scores_as_it_should(small: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'history.db'}"
    migrate(url)
    database = Database(url)
    run.careless(database)
    result = run.run(small, truth_path(small), database)
    database.close()
    told = table(result.score)
    assert result.score.precision >= 0.99, told
    assert result.score.recall >= 0.99, told
    assert result.score.rfcs_per_cause <= 1.05, told
    assert (result.score.needless, result.score.mixed, result.score.split) == ([], {}, {}), told
    assert not any("not supported" in what for what in result.not_done)


def found(host: str, path: str, found_class: str, rfc: int | None) -> Found:
    return Found(host, path, '"2"', 1, found_class, rfc, "")


@pytest.fixture
def truth(tmp_path: Path) -> Callable[..., Any]:
    def write(*changes: tuple[str, str, str, str]) -> Any:
        path = tmp_path / "h.truth.jsonl"
        lines: list[dict[str, Any]] = [{"format": "driftline-history-truth", "version": 1}]
        lines += [{"kind": "cause", "id": cause, "what": cause} for cause in sorted({item[3] for item in changes})]
        lines += [
            {
                "kind": "change", "host": host, "path": path_, "after": '"2"', "observed": 1, "class": true_class,
                "cause": cause, "by": None, "why": "",
            }
            for host, path_, true_class, cause in changes
        ]  # fmt: skip
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return read_truth(path)

    return write


def test_the_score_counts_what_is_wrong(truth: Callable[..., Any]) -> None:
    answers = truth(
        ("a", "p", "unexplained", "c1"),
        ("b", "p", "unexplained", "c1"),
        ("c", "p", "explained", "c2"),
        ("d", "p", "unexplained", "c3"),
    )
    drifts = [
        found("a", "p", "unexplained", 1),
        found("b", "p", "unexplained", 2),
        found("c", "p", "unexplained", 1),
        found("e", "p", "unexplained", 3),
    ]
    result = score(answers, drifts, 3)
    assert (result.precision, result.recall) == (2 / 4, 2 / 3)
    assert result.rfcs_per_cause == 3 / 2
    assert list(result.split) == ["c1: c1", "c3: c3"]
    assert result.mixed == {1: ["c1: c1", "c2: c2"]}
    assert result.needless == [3]
    assert result.confusion["no change", "unexplained"] == 1
    assert result.confusion["unexplained", "nothing"] == 1


def test_flapping_is_one_change(truth: Callable[..., Any]) -> None:
    answers = truth(("a", "p", "unexplained", "c1"), ("a", "p", "unexplained", "c1"))
    result = score(answers, [found("a", "p", "unexplained", 1)], 1)
    assert dict(result.confusion) == {("unexplained", "unexplained"): 1}
    assert result.rfcs_per_cause == 1
