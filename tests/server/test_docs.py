"""Every route, command, option and role stands in the docs, and the docs name none that is not there."""

import re
from pathlib import Path

import pytest
from tests.server.test_contracts import ROUTES

from driftline_baseline import services, standing
from driftline_baseline.allowed import ALLOWED_KINDS
from driftline_baseline.proposals import KINDS as KINDS_OF_PROPOSALS
from driftline_cmdb.attention.events import KINDS
from driftline_cmdb.tables.people import ROLES
from driftline_server.cli.main import commands
from driftline_server.main import parser

DOCS = Path(__file__).parents[2] / "docs"


def read(name: str) -> str:
    return (DOCS / name).read_text()


def test_routes() -> None:
    there = {f"{method} {path.removeprefix('/api/v1')}" for method, path, _ in ROUTES}
    documented = set(re.findall(r"^\| `((?:GET|POST|PUT|PATCH|DELETE) [^`]+)`", read("api.md"), re.MULTILINE))
    assert documented == there


def test_commands() -> None:
    documented = set()
    for words in re.findall(r"^\| `driftline ([^`]+)`", read("cli.md"), re.MULTILINE):
        documented.add(" ".join(word for word in words.split() if re.fullmatch(r"[a-z][a-z-]*", word)))
    assert documented == set(commands())


def test_a_standing_rule() -> None:
    """The document in the guide is one, and its table has every key."""
    text = read("standing-rules.md")
    (document,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert standing.parse_rule(document).name == "security"
    rows = "\n".join(re.findall(r"^\| `(.*?)\|", text, re.MULTILINE))
    keys = re.findall(r"\w+", rows)
    assert {*ALLOWED_KINDS, "path", "origin", *standing.KEYS} <= set(keys)


def test_service_rules() -> None:
    """The document in the guide is one, and its table has every key."""
    text = read("services.md")
    (document,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert [rule.rule for rule in services.parse(document).rules] == ["shop-db"]
    keys = re.findall(r"\w+", "\n".join(re.findall(r"^\| `(.*?)\|", text, re.MULTILINE)))
    assert {*services.KEYS, *services.CONDITIONS, *services.INFRASTRUCTURE} <= set(keys)
    assert all(f"`{kind}`" in text for kind in KINDS_OF_PROPOSALS)


def test_roles() -> None:
    assert re.findall(r"^\| (viewer|operator|approver|admin) \|", read("server.md"), re.MULTILINE) == list(ROLES)


def test_options_of_the_server() -> None:
    text = read("server.md")
    for command in ("run", "person add", "token"):
        assert f"driftline-server {command}" in text
    actions = parser()._subparsers._group_actions[0].choices["run"]._actions  # type: ignore[union-attr,index,call-overload]  # argparse has no public way
    for option in (word for action in actions for word in action.option_strings if word.startswith("--")):
        assert option == "--help" or f"`{option}`" in text, option


def test_kinds_of_events() -> None:
    documented = re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \| (.+) \|$", read("notifications.md"), re.MULTILINE)
    assert [(kind, said.partition(";")[0]) for kind, said in documented] == list(KINDS.items())


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "server.md",
        "cli.md",
        "api.md",
        "rfcs.md",
        "standing-rules.md",
        "services.md",
        "topology.md",
        "dev/assets.md",
        "dev/add-a-page.md",
    ],
)
def test_links_lead_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", read(name)):
        assert target.startswith("https://") or (DOCS / name).parent.joinpath(target).exists(), target
