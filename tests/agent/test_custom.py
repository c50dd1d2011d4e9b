"""Custom facts: which files count, what they may say, and that no program holds the agent up."""

# ruff: noqa: E501  # texts as programs print them

import json
import os
import stat
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from driftline.facts import elements
from driftline.v1.collector_pb2 import ABSENT
from driftline.v1.facts_pb2 import Custom
from driftline_agent import customfacts, programs
from driftline_agent.choices import Choices
from driftline_agent.config import Config, parse
from driftline_agent.customfacts import CustomError, flatten, from_ini, from_json, from_lines, from_output, from_yaml
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.inventory import read_topic
from driftline_agent.reader import listing
from driftline_agent.topic import Reading, all_topics
from driftline_agent.topics import custom

FOLDER = "/etc/driftline/facts.d"
ON = Choices(custom_folders=(FOLDER,))


def tree(root: Path, files: dict[str, str], modes: dict[str, str] | None = None) -> Host:
    """Return a captured host whose files are root's, mode 0644, but for what `modes` says: mode and user."""
    told = {"/etc": "0755\t0", "/etc/driftline": "0755\t0", FOLDER: "0755\t0"}
    for name, text in files.items():
        path = root / FOLDER[1:] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        told[f"{FOLDER}/{name}"] = "0644\t0"
    told.update(modes or {})
    lines = [f"{path}\t{owner}\t0\t1700000000\n" for path, owner in told.items()]
    (root / ".lstat").write_text("".join(lines))
    return Host(str(root), choices=ON)


def read(host: Host) -> Reading:
    return custom.collect(host)


def values(found: Custom) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for fact in found.facts:
        fields = [field.name for field, _ in fact.ListFields() if field.name not in ("name", "source")]
        (field,) = fields or ["text"]
        out[fact.name] = getattr(fact, field)
    return out


def test_off_unless_configured(tmp_path: Path) -> None:
    tree(tmp_path, {"a.txt": "a=1"})
    result = read_topic("custom", all_topics()["custom"], Host(str(tmp_path)), bytes(32))
    assert result.outcome == ABSENT
    assert Config().choices.custom_folders == ()
    assert parse("custom = true", "x").choices.custom_folders == (FOLDER,)
    assert parse('custom_folders = ["/srv/facts"]', "x").choices.custom_folders == ()
    assert parse('custom = true\ncustom_folders = ["/srv/facts"]', "x").choices.custom_folders == ("/srv/facts",)


def test_formats(tmp_path: Path) -> None:
    found = read(
        tree(
            tmp_path,
            {
                "a.txt": "# c\nrole=web\nempty=\nurl=http://a/?b=c\n",
                "b.json": '{"site": {"rack": 7, "cold": true, "height": 1.5, "none": null, "rows": ["a", "b"]}}',
                "c.yaml": "---\nowner: ops # who\nports:\n- 80\n- 443\nnested:\n  deep: 'yes'\n",
                "d.fact": "[general]\nEnv = prod\n",
                "e.fact": '{"x": 1}',
                "f.md": "not facts",
                ".hidden.txt": "no=1",
                "g.txt~": "no=1",
            },
        )
    )
    assert found.unreadable == {}
    assert values(found.facts.custom) == {
        "role": "web",
        "empty": "",
        "url": "http://a/?b=c",
        "site.rack": 7,
        "site.cold": True,
        "site.height": "1.5",
        "site.rows[0]": "a",
        "site.rows[1]": "b",
        "owner": "ops",
        "ports[0]": 80,
        "ports[1]": 443,
        "nested.deep": "yes",
        "d.general.env": "prod",
        "e.x": 1,
    }
    assert {fact.name: fact.source for fact in found.facts.custom.facts}["role"] == f"{FOLDER}/a.txt"


def test_states_do_not_drift(tmp_path: Path) -> None:
    def of(folder: str, age: int) -> dict[str, bytes]:
        host = tree(tmp_path / folder, {"backup.state.json": json.dumps({"age": age}), "a.txt": "a=1"})
        found = read(host).facts
        assert [(state.name, state.number) for state in found.custom.states] == [("age", age)]
        return {path: item.content for path, item in elements(found).items() if item.content}

    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first = of("one", 1)
    assert first == of("two", 2) and list(first) == ["custom.facts[a]"]


@pytest.mark.parametrize(
    ("modes", "reason"),
    [
        ({f"{FOLDER}/a.txt": "0644\t1000"}, "a.txt: owned by user 1000; it must be owned by root"),
        ({f"{FOLDER}/a.txt": "0664\t0"}, "a.txt: others than root can write it; chmod go-w"),
        ({f"{FOLDER}/a.txt": "0646\t0"}, "a.txt: others than root can write it; chmod go-w"),
        ({FOLDER: "0775\t0"}, "facts.d: others than root can write it; chmod go-w"),
        ({FOLDER: "0755\t1000"}, "facts.d: owned by user 1000; it must be owned by root"),
        ({"/etc": "0777\t0"}, "/etc: others than root can write it; chmod go-w"),
    ],
)
def test_only_what_root_alone_can_change_counts(modes: dict[str, str], reason: str, tmp_path: Path) -> None:
    found = read(tree(tmp_path, {"a.txt": "a=1"}, modes))
    assert not found.facts.custom.facts
    assert found.unreadable["custom.facts"].endswith(reason)


def test_links_are_not_followed(tmp_path: Path) -> None:
    host = tree(tmp_path, {"a.txt": "a=1"})
    (tmp_path / FOLDER[1:] / "b.json").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / FOLDER[1:] / "c.json")
    found = read(host)
    assert values(found.facts.custom) == {"a": "1"}
    reasons = found.unreadable["custom.facts"]
    assert "b.json: no plain file" in reasons and "c.json: no plain file" in reasons


def test_one_broken_file_leaves_the_rest(tmp_path: Path) -> None:
    deep = "[" * 50_000
    found = read(
        tree(
            tmp_path,
            {
                "a.txt": "role=web",
                "b.json": "{",
                "c.json": deep,
                "d.json": '{"a": ' * 20 + "1" + "}" * 20,
                "e.json": '{"db": {"password": "hunter2"}}',
                "f.json": '["no", "names"]',
                "g.txt": "no equals sign",
                "h.json": json.dumps({"long": "x" * 5000}),
                "i.json": '{"n": NaN}',
                "j.json": '{"n": ' + "9" * 6000 + "}",
                "k.txt": "role=db",
                "l.json": '{"a[0]": 1}',
                "m.json": "\0\1\2",
                "n.fact": "[open\na=1",
                "o.yaml": "a: &x 1\nb: *x\n",
                "p.txt": "x" * (300 << 10),
            },
        )
    )
    assert values(found.facts.custom) == {"role": "web"}
    said = found.unreadable["custom.facts"]
    assert "hunter2" not in said
    for name in "bcdefghijlmnop":
        assert f"/{name}." in said, name
    assert f'{FOLDER}/k.txt: "role" stands in {FOLDER}/a.txt too' in said


def test_bounds_of_number(tmp_path: Path) -> None:
    found = read(tree(tmp_path, {"a.json": json.dumps({f"n{number}": number for number in range(1500)})}))
    assert len(found.facts.custom.facts) == custom.MAX_FACTS
    assert "more than 1000 facts" in found.unreadable["custom.facts"]


YAML = [
    (
        "a: 1\nb: -2\nc: 1.5\nd: text here\ne: true\nf: ~\n",
        {"a": 1, "b": -2, "c": 1.5, "d": "text here", "e": True, "f": None},
    ),
    ("a:\n  b:\n    c: x\n  d: y\n", {"a": {"b": {"c": "x"}, "d": "y"}}),
    ("a:\n- 1\n- two\n-\n", {"a": [1, "two", None]}),
    ("a:\n  - name: x\n    size: 1\n  - name: y\n", {"a": [{"name": "x", "size": 1}, {"name": "y"}]}),
    ("- a\n- - b\n  - c\n", ["a", ["b", "c"]]),
    ("a: \"q # no comment\"\nb: 'it''s'\nc: x#y # comment\n", {"a": "q # no comment", "b": "it's", "c": "x#y"}),
    ('a: [1, "b"]\nb: {"c": 2}\n', {"a": [1, "b"], "b": {"c": 2}}),
    ("'quoted key': 1\n\"other\": 2\n", {"quoted key": 1, "other": 2}),
    ("url: http://example.org:80/\ntime: 12:30\n", {"url": "http://example.org:80/", "time": "12:30"}),
    ("---\na: 1\n...\n", {"a": 1}),
    ("", {}),
    ("# only\n", {}),
    ("a: no\n", {"a": "no"}),
    ("a: 007\n", {"a": 7.0}),
]


@pytest.mark.parametrize(("text", "expected"), YAML[:-1])
def test_yaml(text: str, expected: Any) -> None:
    assert from_yaml(text) == expected


@pytest.mark.parametrize(("text", "expected"), YAML[:-2])
def test_yaml_as_a_library_reads_it(text: str, expected: Any) -> None:
    import yaml

    read = yaml.safe_load(text)
    if "12:30" in text:  # minutes since midnight in YAML 1.1
        read["time"] = "12:30"
    assert (read if read is not None else {}) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a: &x 1",
        "a: *x",
        "a: !!python/object:os.system x",
        "a: |\n  text",
        "a: >\n  text",
        "a:\n\t- 1",
        "a: 1\n b: 2",
        "a: 1\n---\nb: 2",
        "just words\nmore words",
        'a: "open',
        "a: [1, 2",
        "\n".join("  " * depth + "a:" for depth in range(200)),
        "- " * 5000 + "x",
        "? a\n: b",
        "{" * 10_000,
    ],
)
def test_yaml_that_is_not_read(text: str) -> None:
    with pytest.raises(CustomError):
        dict(flatten(from_yaml(text)))


@pytest.mark.parametrize("parser", [from_json, from_lines, from_ini, from_output, from_yaml])
def test_junk(parser: Any) -> None:
    for junk in (
        "\0",
        "\x7f\x1b[0m",
        "é" * 1000,
        "=" * 100,
        "[" * 9999,
        "-" * 9999,
        ":" * 9999,
        "a" * 99999,
        "'\"" * 500,
        "a" + " " * 200_000 + "b",
        "a: [" * 9999,
        ": " * 99_999,
        '"' * 99_999,
        "- " * 99_999,
    ):
        try:
            dict(flatten(parser(junk)))
        except CustomError as error:
            assert str(error)


def program(folder: Path, name: str, body: str) -> str:
    path = folder / name
    path.write_text(f"#!{sys.executable} -S\nimport os, sys, time\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_programs_are_bounded_in_time_and_output(tmp_path: Path) -> None:
    def run(path: str, timeout: float = 20.0) -> str:
        return programs.run_bounded(path, timeout=timeout, most=100_000)

    assert run(program(tmp_path, "good", "print('a=1')")) == "a=1\n"
    assert "HOME" not in run(program(tmp_path, "env", "print(sorted(os.environ))"))
    with pytest.raises(UnreadableError, match=r"no end within 0\.5 s"):
        run(program(tmp_path, "sleeps", "time.sleep(600)"), 0.5)
    with pytest.raises(UnreadableError, match="more than 100000 bytes"):
        run(program(tmp_path, "floods", "while True: sys.stdout.write('x' * 9999)"))
    with pytest.raises(UnreadableError, match="exit code 3"):
        run(program(tmp_path, "fails", "print('a=1'); sys.exit(3)"))
    with pytest.raises(UnreadableError, match=r"exec format error|no such file"):
        (tmp_path / "junk").write_bytes(b"\x7fELFjunk")
        (tmp_path / "junk").chmod(0o755)
        run(str(tmp_path / "junk"))


def test_a_child_that_is_left_behind_is_killed_and_holds_nothing_up(tmp_path: Path) -> None:
    body = "sys.stdout.write('a=1\\n'); sys.stdout.flush()\nchild = os.fork()\n"
    body += f"if not child:\n    open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n    time.sleep(600)\n"
    body += f"while not os.path.exists({str(tmp_path / 'pid')!r}) or not open({str(tmp_path / 'pid')!r}).read(): time.sleep(0.01)\n"
    assert programs.run_bounded(program(tmp_path, "forks", body), timeout=60, most=100) == "a=1\n"
    pid = int((tmp_path / "pid").read_text())
    end = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists() and "State:\tZ" not in Path(f"/proc/{pid}/status").read_text():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.skipif(os.getuid() != 0, reason="files of root's: only root makes them")
def test_programs_run_on_a_host_and_not_at_each_reading(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = Path("/etc/driftline-test-facts.d")
    folder.mkdir(mode=0o755)
    try:
        program(
            folder, "count", f"open('{folder}/n', 'a').write('x'); print('a=' + str(len(open('{folder}/n').read())))"
        )
        (folder / "n").touch(0o644)
        program(folder, "local.fact", "print('{\"x\": [1]}')")
        (folder / "b.txt").write_text("b=2\n")
        host = Host(choices=Choices(custom_folders=(str(folder),)))
        first = read(host)
        assert first.unreadable == {}
        assert values(first.facts.custom) == {"a": "1", "b": "2", "local.x[0]": 1}
        assert values(read(host).facts.custom)["a"] == "1"
        program(folder, "count", "print('a=changed')")
        assert values(read(host).facts.custom)["a"] == "changed"
        (folder / "count").chmod(0o777)
        assert "a" not in values(read(host).facts.custom)
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def test_who_may_own_what() -> None:
    entry = listing.entry_of("a", Path("/etc/passwd").stat())
    assert custom.untrusted("/etc/passwd", entry, folder=False) is None
    assert custom.untrusted("/x", None, folder=False) == "/x: not there"
    assert "links are not followed" in (
        custom.untrusted("/etc/passwd", (entry[0], stat.S_IFLNK | 0o777, *entry[2:]), folder=False) or ""
    )


def test_names_that_sound_like_secrets() -> None:
    for name in ("db_password", "api_token", "SECRET", "ssh_private_key", "passphrase"):
        with pytest.raises(CustomError, match="sounds like a secret"):
            dict(customfacts.flatten({name: "x"}))
