"""The CLI as a program, against a live server."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.server.conftest import Site
from tests.server.seed import PASSWORD
from typer.testing import CliRunner

from driftline_server.cli import profiles
from driftline_server.cli.main import app, commands

Run = Callable[..., subprocess.CompletedProcess[str]]


def runner(path: Path) -> Run:
    """Return what runs a command line with a file of profiles."""

    def run(*words: str, stdin: str = "", code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "driftline_server.cli.main", *words],
            input=stdin,
            capture_output=True,
            text=True,
            env={**os.environ, "DRIFTLINE_CONFIG": str(path), "COLUMNS": "100", **environment},
            check=False,
            timeout=60,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return run


def stored(site: Site, path: Path) -> Run:
    """Return a runner with a profile for everyone, of whom the admin is the default."""
    for name in ("admin", "approver", "operator", "viewer"):
        profiles.store(path, name, profiles.Profile(site.url, site.tokens[name]), make_default=False)
    return runner(path)


@pytest.fixture(scope="module")
def cli(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The CLI on the shared server."""
    return stored(site, tmp_path_factory.mktemp("cli") / "profiles.toml")


@pytest.fixture(scope="module")
def in_process(site: Site, tmp_path_factory: pytest.TempPathFactory) -> CliRunner:
    """The CLI on the shared server without a process of its own: a start takes half a second."""
    path = tmp_path_factory.mktemp("cli") / "profiles.toml"
    stored(site, path)
    return CliRunner(env={"DRIFTLINE_CONFIG": str(path), "COLUMNS": "100"})


@pytest.fixture
def own_cli(own_site: Site, tmp_path: Path) -> Run:
    """The CLI on this test's own server."""
    return stored(own_site, tmp_path / "profiles.toml")


#: Every command that reads, with words that it must print for people.
READING = {
    ("ci", "list"): ["web1", "Debian GNU/Linux 12 (bookworm)"],
    ("ci", "list", "web", "--drifting", "--sort=-name"): ["web2"],
    ("ci", "show", "web1"): ["Jane Doe", "source-web1", "silent"],
    ("ci", "facts", "web1", "--match", "software.packages[dpkg/openssl*]"): ["3.0.13-1~deb12u1"],
    ("ci", "expected", "web1", "--match", "software.packages[dpkg/openssl*]"): [
        "RFC 2",
        "3.0.13-1~deb12u1",
        "approver",
    ],
    ("ci", "history", "web1"): ["3.0.11-1~deb12u2", "apt-get upgrade (by jane (1000))"],
    ("ci", "why", "web1"): ["first report of a new source", "hostname"],
    ("ci", "why", "web1", "--with", "web2"): ["no match (40 is one)"],
    ("baseline", "list"): ["golden", "in force"],
    ("baseline", "show", "golden"): ["captured", "approver"],
    ("baseline", "dry-run", "golden"): ["this version would open 0 drifts and close 0"],
    ("baseline", "coverage"): ["old1", "watched attributes", "os.release.id"],
    ("baseline", "coverage", "--ci", "web1"): ["nobody watches", "record.announced"],
    ("drift", "list"): [
        "package sl (dpkg, amd64)",
        "5.02-1+b1",
        "absent",
        "apt-get install -y sl (by jane (1000))",
        " .. ",
    ],
    ("drift", "list", "--state", "all", "--ci", "db1"): ["accepted", "438"],
    ("drift", "show", "1"): ["apt-get install -y sl", "golden v1"],
    ("rfc", "list"): ["closed, explained", "submitted"],
    ("rfc", "show", "1"): ["web1", "web2", "apt-get install -y sl", "5.02-1+b1", "raised"],
    ("rfc", "show", "5"): ["0 of 2", "at least 3.0.13", "high"],
    ("rfc", "conflicts", "5"): ["freeze", "sale", "db1"],
    ("rfc", "impact", "5"): ["shop", "web1", "depends on db1"],
    ("rfc", "history", "5"): ["submitted", "does the shop need a restart?", "linked to rfc 2"],
    ("policy", "show"): ["as shipped", "approve_within: 24h"],
    ("template", "list"): ["openssl", "in force", "version"],
    ("template", "show", "openssl"): ["openssl v1 is in force", "at_least {version}"],
    ("rule", "list"): ["security", "v1", "in force", "2090-01-01"],
    ("rule", "show", "security"): ["hides 1 of 5 drifts, none of them later confirmed bad", "origin: debian-security"],
    ("origin", "list"): ["debian-security", "1"],
    ("release", "list"): ["openssl-3", "autumn", "major"],
    ("release", "show", "openssl-3"): ["openssl-3", "production"],
    ("waiver", "list"): ["old1"],
    ("freeze", "list"): ["sale", "ci: db1", "coming"],
    ("utilization", "web1"): ["system.cpu.utilization", "%", "vda/read", "system.memory.utilization [%]"],
    ("utilization", "web1", "--metric", "system.disk", "--since", "2h"): ["MiB/s", "system.disk.io [By/s]"],
    ("audit", "list", "--action", "rfc"): ["rfc.authorised"],
    ("routing", "show"): ["as shipped", "digest: {channel: digest, every: 1h}"],
    ("routing", "channels"): ["here:8080", "log"],
    ("maintenance", "list"): ["disks", "ci: db*", "open"],
    ("notification", "list"): ["digest", "waiting"],
    ("notification", "events"): ["rfc.raised", "digest to digest (routing v0, route 2)"],
    ("drift", "precision"): ["100.0 %"],
    ("token", "list"): ["test"],
    ("token", "list", "--join"): [],
    ("source", "list"): ["source-web1"],
    ("finding", "list"): ["silent"],
    ("finding", "list", "--kind", "dropped", "--state", "all", "--sort", "ci"): [],
    ("finding", "show", "1"): ["silent"],
    ("integrity", "list"): ["done", "operator", "100.0000 %"],
    ("integrity", "show", "1"): ["digests", "Every stored element hashes to its digest"],
    ("integrity", "attestations", "web"): ["web1", "seen in rack 4", "never"],
    ("audit", "keys"): ["="],
    ("catalog", "show"): ["server", "service"],
    ("catalog", "history"): [],
    ("identity", "list", "--state", "all"): ["same name", "web1"],
    ("identity", "show", "1"): ["same name", "web1", "web2", "hostname"],
    ("identity", "decisions"): ["clone", "two machines, seen in the rack"],
    ("identity", "shared"): ["system_uuid"],
    ("proposal", "list"): ["open"],
    ("proposal", "show", "1"): ["open"],
    ("device", "list"): ["192.0.2.200", "core", "web1", "no answer", "no agent"],
    ("device", "show", "192.0.2.200"): ["fra1", "generation", "agents whose files name it"],
    ("device", "speakers"): ["web1", "fra1", "operator", "yes"],
    ("device", "sightings"): ["192.0.2.230", "ap9", "icmp, snmp"],
    ("source", "holders", "source-web1"): ["web1"],
    ("status",): ["open drifts"],
}


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_reading(in_process: CliRunner, words: tuple[str, ...]) -> None:
    shown = in_process.invoke(app, list(words))
    assert shown.exit_code == 0, shown.output
    for text in READING[words]:
        assert text in shown.stdout
    assert json.loads(in_process.invoke(app, [*words, "--json"]).stdout) is not None


def test_as_a_program(cli: Run) -> None:
    assert "web1" in cli("ci", "list").stdout
    assert [ci["name"] for ci in json.loads(cli("ci", "list", "--json").stdout)] == ["db1", "old1", "web1", "web2"]


def test_every_reading_command_is_tested() -> None:
    tested = {" ".join(words) for words in READING}
    for command in commands():
        if command.rpartition(" ")[2] in ("list", "show", "facts", "expected", "history"):
            assert any(words == command or words.startswith(f"{command} ") for words in tested), command


def test_authorise(own_cli: Run) -> None:
    refused = own_cli("rfc", "authorise", "1", stdin="n\n", code=1)
    assert (
        "5.02-1+b1" in refused.stdout and "web1, web2" in refused.stderr and "nothing was authorised" in refused.stderr
    )
    done = own_cli("--profile", "approver", "rfc", "authorise", "1", "--yes", "--comment", "fine")
    assert "RFC 1 is closed, explained" in done.stdout
    assert "fine" in own_cli("rfc", "show", "1").stdout
    again = own_cli("--profile", "approver", "rfc", "authorise", "1", "--yes", code=1)
    assert "it has been decided" in again.stderr


def test_revert_and_cancel(own_cli: Run) -> None:
    assert "to be reverted" in own_cli("rfc", "revert", "3", "--comment", "no").stdout
    assert "authorise it or order it reverted" in own_cli("rfc", "cancel", "4", code=1).stderr


def test_a_baselines_way(own_cli: Run, tmp_path: Path) -> None:
    assert (
        "baseline old v1 is draft"
        in own_cli("--profile", "operator", "baseline", "capture", "old1", "--name", "old").stdout
    )
    assert "needs approver" in own_cli("--profile", "operator", "baseline", "approve", "old", code=1).stderr
    assert "baseline old v1 is in force" in own_cli("--profile", "approver", "baseline", "approve", "old").stdout
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho "- os.host.fqdn" >> "$1"\n')
    editor.chmod(0o755)
    assert "baseline old v2 is draft" in own_cli("baseline", "edit", "old", EDITOR=str(editor), VISUAL="").stdout
    assert "nothing was changed" in own_cli("baseline", "edit", "old", EDITOR="true", VISUAL="", code=1).stderr
    assert "old.yaml" in own_cli("baseline", "edit", "old", "--file", "-", stdin="name: [", code=1).stderr
    assert "is retired" in own_cli("--profile", "approver", "baseline", "retire", "old").stdout


def test_a_baseline_of_a_group_goes_from_test_to_production(own_cli: Run, tmp_path: Path) -> None:
    refused = own_cli("baseline", "capture", "--group", "role=web", "--name", "web", code=1)
    assert "ask to leave them out" in refused.stderr
    captured = own_cli("baseline", "capture", "--group", "role=web", "--name", "web", "--leave-out-drifts").stdout
    assert "2 CIs," in captured and "identity, another on each host (2 on 2)" in captured
    assert "left out, because its drift is open: software.packages[dpkg/sl/amd64]" in captured
    assert "the hosts disagree, say what is meant" in captured
    assert "RFC 2: web1 software.packages[dpkg/openssl/amd64].version" in own_cli("baseline", "dry-run", "web").stdout
    approved = own_cli("--profile", "approver", "baseline", "approve", "web").stdout
    assert "web v1 is in force" in approved and "folds in RFC 2: web1" in approved
    assert "draft/2020-12" in own_cli("baseline", "schema").stdout
    own_cli("baseline", "capture", "web1", "--group", "role=web", "--name", "x", code=2)
    rules = tmp_path / "policy.yaml"
    rules.write_text(
        "name: policy\nselector: {environment: test}\nexpect:\n- {path: accounts.users.shell, matches: /.*}\n"
    )
    assert "policy v1 is draft" in own_cli("baseline", "create", str(rules)).stdout
    assert (
        "v1 is approved, in force from 2099-01-01 00:00:00 UTC"
        in own_cli("--profile", "approver", "baseline", "approve", "policy", "--at", "2099-01-01T00:00Z").stdout
    )
    rules.write_text(rules.read_text().replace("/.*", "/bin/.*"))
    assert "policy v2 is draft" in own_cli("baseline", "edit", "policy", "--file", str(rules)).stdout
    assert "matches: /bin/.*" in own_cli("baseline", "diff", "policy").stdout
    assert "v2 is in force" in own_cli("--profile", "approver", "baseline", "approve", "policy").stdout
    assert "has no version 9" in own_cli("baseline", "roll-back", "policy", "--to", "9", code=1).stderr
    assert "v3 is draft" in own_cli("baseline", "roll-back", "policy", "--to", "1").stdout
    promoted = own_cli("baseline", "promote", "policy", "--to", "live", "--set", "environment=production").stdout
    assert "baseline live v1 is draft" in promoted
    assert "environment: production" in own_cli("baseline", "show", "live", "--document").stdout
    own_cli("baseline", "promote", "policy", "--to", "live", "--set", "production", code=2)


def test_who_wrote_a_baseline_may_not_approve_it(own_cli: Run) -> None:
    own_cli("baseline", "capture", "old1", "--name", "mine")
    assert "admin" in own_cli("baseline", "approve", "mine", code=1).stderr


def test_accept(own_cli: Run) -> None:
    assert "until monday" in own_cli("drift", "accept", "4", "--reason", "until monday", "--for", "2d").stdout


def test_tokens_and_sources(own_cli: Run) -> None:
    join = own_cli("token", "create-join", "--uses", "3", "--for", "2h", "--note", "rack 4").stdout.strip()
    prefix, identity, secret, fingerprint = join.split(".")
    assert prefix == "dl1" and len(secret) >= 40 and len(fingerprint) == 64
    assert identity in own_cli("token", "list", "--join").stdout
    own_cli("token", "delete", identity, "--join")
    assert identity not in own_cli("token", "list", "--join").stdout
    assert "revoked" in own_cli("source", "revoke", "source-web1", "--reason", "lost").stdout
    assert "not quarantined" in own_cli("source", "release", "source-web2", "--reason", "x", code=1).stderr
    own_cli("token", "delete", "999", code=1)


def test_an_identity_that_several_hold(own_cli: Run) -> None:
    assert "running" in own_cli("source", "holders", "source-web1").stdout
    assert "one alone holds it" in own_cli("source", "split", "source-web1", "--reason", "x", code=1).stderr
    assert "is an image's" in own_cli("source", "expect", "source-web1", "--reason", "golden").stdout
    assert "is retired" in own_cli("source", "retire", "source-web1", "--reason", "scrap").stdout
    assert '"retired"' in own_cli("source", "holders", "source-web1", "--json").stdout


def test_login(own_site: Site, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "profiles.toml"
    run = runner(path)
    assert "log in first" in run("ci", "list", code=1).stderr
    wrong = run("login", own_site.url, "--name", "viewer", "--password-stdin", stdin="wrong\n", code=1)
    assert "name or password is wrong" in wrong.stderr and not path.exists()
    run("login", own_site.url, "--name", "viewer", "--password-stdin", stdin=f"{PASSWORD}\n")
    run("--profile", "work", "login", own_site.url, "--name", "operator", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    known = profiles.read(path)
    assert known.default == "viewer" and set(known.profiles) == {"viewer", "work"}
    assert "web1" in run("ci", "list").stdout
    assert "needs operator" in run("token", "create-join", code=1).stderr
    run("--profile", "work", "token", "create-join")


def test_profiles_that_others_can_read_are_refused(own_site: Site, tmp_path: Path) -> None:
    path = tmp_path / "profiles.toml"
    run = stored(own_site, path)
    path.chmod(0o640)
    assert "chmod 600" in run("ci", "list", code=1).stderr
    assert "chmod 600" in run("login", own_site.url, "--name", "viewer", "--password-stdin", stdin="x\n", code=1).stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("default = ", "cannot be read"),
        ('[profiles.a]\nurl = "x"\n', "profiles.a needs url and token"),
        ('default = "b"\n[profiles.a]\nurl = "x"\ntoken = "y"\n', 'there is no profile "b"'),
        ('[profiles.a]\nurl = "http://127.0.0.1:1"\ntoken = "y"\n', "does not answer"),
    ],
)
def test_bad_profiles(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "profiles.toml"
    path.write_text(text)
    path.chmod(0o600)
    assert words in runner(path)("ci", "list", code=1).stderr


def test_odd_names_survive(tmp_path: Path) -> None:
    path = tmp_path / "profiles.toml"
    odd = profiles.Profile('http://x/"\\\n', "dlt_ü", "/a b/ca.pem")
    profiles.store(path, 'my "own".\\', odd, make_default=True)
    profiles.store(path, "other", odd, make_default=False)
    assert profiles.read(path) == profiles.Profiles('my "own".\\', {'my "own".\\': odd, "other": odd})


def test_usage_errors_are_2(cli: Run) -> None:
    cli("ci", "show", code=2)
    cli("rfc", "show", "one", code=2)
    cli("nothing", code=2)
    cli("baseline", "capture", "web1", code=2)


def test_errors_are_1_on_stderr(cli: Run) -> None:
    done = cli("ci", "show", "nobody", code=1)
    assert done.stdout == "" and done.stderr.startswith("driftline: ") and "nobody" in done.stderr
