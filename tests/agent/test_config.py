"""Configuration and command line: every error names the thing, the value and the mend; the docs name every setting."""

import json
from dataclasses import fields
from pathlib import Path

import pytest

from driftline_agent.config import Config, Intervals, join_token, load, parse
from driftline_agent.errors import ConfigError, IdentityError
from driftline_agent.identity.enrolment import report_address, split_address
from driftline_agent.identity.token import parse_token
from driftline_agent.main import main
from driftline_agent.topic import all_topics

DOCS = Path(__file__).parents[2] / "docs"


def test_the_documented_example_is_the_default() -> None:
    text = (DOCS / "agent.md").read_text()
    example = text.partition("```toml\n")[2].partition("```")[0]
    config = parse(example, "docs/agent.md")
    assert config.intervals == Intervals()
    assert config.collector == "cmdb.example.org:7443"


def test_every_setting_and_topic_is_documented() -> None:
    text = (DOCS / "agent.md").read_text()
    for entry in [*fields(Config), *fields(Intervals)]:
        assert f"`{entry.name}`" in text, entry.name
    for name in all_topics():
        assert f"`{name}`" in text, name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colector = 'a:1'", 'x: there is no setting "colector"; there are collector, files_exclude,'),
        ("collector = 7", "x: collector: 7 is not a text"),
        ("topics = 'dpkg'", "x: topics: 'dpkg' is not a list of texts"),
        ("spool_bytes = 5", "x: spool_bytes: 5 is out of bounds; write 1048576 to 17179869184"),
        ("watch = 1", "x: watch: 1 is not true or false"),
        ("[intervals]\ninventory_s = 1", "x: intervals.inventory_s: 1 is out of bounds; write 60 to 86400"),
        ("[intervals]\nfoo = 1", 'x: there is no setting "intervals.foo"'),
        ("collector", "x: expected '=' after a key in a key/value pair"),
    ],
)
def test_errors(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "x")
    assert str(caught.value).startswith(message)


def test_a_named_file_must_exist_and_the_default_one_need_not(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load(tmp_path / "agent.toml")
    assert load(None, tmp_path).state == tmp_path


def test_tokens_come_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("dl1.a\n")
    config = Config(token_file=tmp_path / "token")
    assert join_token(config) == "dl1.a"
    monkeypatch.setenv("DRIFTLINE_JOIN_TOKEN", "dl1.b")
    assert join_token(config) == "dl1.b"
    monkeypatch.delenv("DRIFTLINE_JOIN_TOKEN")
    with pytest.raises(ConfigError, match=r"token_file .*: "):
        join_token(Config(token_file=tmp_path / "other"))


def test_a_bad_token_is_not_repeated() -> None:
    with pytest.raises(IdentityError) as caught:
        parse_token("dl1.7.s3cret.beef")
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(parse_token(f"dl1.7.s3cret.{'ab' * 32}"))


def test_addresses() -> None:
    assert split_address("host:1", "x") == ("host", 1)
    assert split_address("[2001:db8::1]:7443", "x") == ("2001:db8::1", 7443)
    for bad in ("host", "host:", ":1", "host:0", "host:70000", "host:x"):
        with pytest.raises(ConfigError, match="write host:port"):
            split_address(bad, "collector")
    assert report_address(":7444", "[2001:db8::1]:7443") == "[2001:db8::1]:7444"
    assert report_address("other:7444", "host:7443") == "other:7444"


def test_facts_flat(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["facts", "--flat", "--topic", "kernel"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("os.kernel.release\t") for line in lines)
    assert lines == sorted(lines)


def test_facts_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["facts", "--json", "--topic", "kernel", "--topic", "groups"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"os", "accounts"}


def test_facts_tree(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["facts", "--topic", "groups"]) == 0
    assert "\n  groups (" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["facts", "--topic", "nope"], 2, 'topic "nope" does not exist; there are agent,'),
        (["facts", "--root", "/nonexistent"], 2, "--root /nonexistent: no such folder"),
        (["enroll", "--state", "{}"], 2, "no join token: give --token-file FILE"),
        (["run", "--state", "{}"], 1, "this agent has not enrolled; run driftline-agent enroll"),
        (["status", "--state", "{}/none"], 1, "no such folder; has this agent run?"),
        (["run", "--state", "/dev/null/x"], 2, "state folder /dev/null/x: not a directory; give a folder"),
    ],
)
def test_exit_codes(
    arguments: list[str], code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([argument.replace("{}", str(tmp_path)) for argument in arguments]) == code
    assert message in capsys.readouterr().err
