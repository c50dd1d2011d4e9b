"""The command itself: what is started in which order, and what is printed meanwhile."""

import json
import os
import secrets
import signal
import socket
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from driftline_server.cli import profiles
from driftline_server.settings import parse_listen
from driftline_server.up.children import Children, UpError, require_free, run

COLLECTOR = "driftline_collector.main"
SERVER = "driftline_server.main"
AGENT = "driftline_agent.main"

#: The first people, with their roles: two, because nobody approves what they themselves request.
PEOPLE = {"admin": ("admin", "approver"), "approver": ("approver",)}
TOKEN_LIFE = "365d"  # noqa: S105  # how long, not what
WATCH_S = 2.0


@dataclass(frozen=True, slots=True)
class Options:
    """Where `up` keeps its data and listens."""

    data: Path
    database: str | None = None
    web: str = "127.0.0.1:8080"
    enrol: str = "127.0.0.1:7443"
    report: str = "127.0.0.1:7444"
    metrics: str = "127.0.0.1:7445"
    names: tuple[str, ...] = ()
    agent: bool = True


class _Stop(Exception):  # no error: the user wants to end
    pass


def up(options: Options) -> int:
    """Run everything until Ctrl-C; return the exit code."""
    os.umask(0o077)
    data = options.data.resolve()
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    children = Children(data / "log")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        _run(options, data, children)
    except UpError as error:
        sys.stderr.write(f"driftline up: {error}\n")
        return 1
    except _Stop:
        _say("")
        _say("stopping ...")
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        children.stop()
    _say("stopped; the data stays in", str(options.data))
    return 0


def _interrupt(_number: int, _frame: object) -> None:
    raise _Stop


def _say(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


def _run(options: Options, data: Path, children: Children) -> None:
    database = options.database or f"sqlite:///{data / 'driftline.db'}"
    for address, option in (
        (options.web, "--web"),
        (options.enrol, "--enrol"),
        (options.report, "--report"),
        (options.metrics, "--metrics"),
    ):
        host, port = parse_listen(address)
        require_free(host, port, f"{option} HOST:PORT")
    _start_collector(options, data, database, children)
    url = _start_server(options, data, database, children)
    passwords = _add_people(database, data, url)
    _say(f"  web        {url}")
    for name, password in passwords.items():
        _say(f"  {name:<10} password {password}   (shown once; it is not kept)")
    if not passwords:
        _say("  people     as before; their passwords were shown at the first start")
    client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {_profile('admin').token}"}, timeout=10)
    with client:
        if options.agent:
            _start_agent(options, data, database, children)
            _wait_for_this_host(client, children)
        _say("  try        .venv/bin/driftline ci list      (Ctrl-C here stops everything)")
        _say("")
        _watch(client, children)


def _start_collector(options: Options, data: Path, database: str, children: Children) -> None:
    ports = data / "collector" / "ports.json"
    ports.unlink(missing_ok=True)
    names = [word for name in options.names for word in ("--name", name)]
    children.start(
        "collector",
        COLLECTOR,
        [
            "run",
            "--database",
            database,
            "--data",
            str(data / "collector"),
            "--enrol-listen",
            options.enrol,
            "--report-listen",
            options.report,
            "--metrics-listen",
            options.metrics,
            *names,
        ],
    )
    children.wait_for("the collector", ports.exists)
    _say(f"  collector  enrol {options.enrol}, report {options.report}, metrics http://{options.metrics}/metrics")


def _start_server(options: Options, data: Path, database: str, children: Children) -> str:
    ready = data / "server" / "server.json"
    ready.unlink(missing_ok=True)
    root = str(data / "collector" / "root.pem")
    arguments = ["run", "--database", database, "--data", str(data / "server"), "--listen", options.web]
    children.start("server", SERVER, [*arguments, "--root-cert", root])
    children.wait_for("the server", ready.exists)
    return str(json.loads(ready.read_text())["url"])


def _add_people(database: str, data: Path, url: str) -> dict[str, str]:
    """Add the first people where they are not there yet; return their passwords. Leaves a CLI profile for each."""
    made: dict[str, str] = {}
    marker = data / "people.json"
    known = json.loads(marker.read_text()) if marker.exists() else []
    for name, roles in PEOPLE.items():
        if name not in known:
            password = secrets.token_urlsafe(12)
            words = [word for role in roles for word in ("--role", role)]
            arguments = ["person", "add", name, *words, "--password-stdin", "--database", database]
            run(SERVER, arguments, stdin=f"{password}\n")
            made[name] = password
            known.append(name)
            marker.write_text(json.dumps(known))
        if not _profile_works(name, url):
            label = f"driftline up on {socket.gethostname()}"
            token = run(SERVER, ["token", name, "--label", label, "--expires-in", TOKEN_LIFE, "--database", database])
            where = profiles.path_of(os.environ)
            profiles.store(where, name, profiles.Profile(url=url, token=token), make_default=name == "admin")
    return made


def _profile(name: str) -> profiles.Profile:
    return profiles.choose(profiles.path_of(os.environ), name)


def _profile_works(name: str, url: str) -> bool:
    try:
        profile = _profile(name)
    except profiles.ProfileError:
        return False
    if profile.url != url:
        return False
    answer = httpx.get(f"{url}/api/v1/cis", params={"limit": 1}, headers={"Authorization": f"Bearer {profile.token}"})
    return answer.status_code == httpx.codes.OK


def _start_agent(options: Options, data: Path, database: str, children: Children) -> None:
    state = data / "agent"
    arguments = ["run", "--config", str(_agent_config(options, data)), "--state", str(state)]
    env: dict[str, str] = {}
    if not (state / "identity.json").exists():
        token = run(
            COLLECTOR,
            [
                "token",
                "--uses",
                "1",
                "--for",
                "1h",
                "--note",
                "driftline up",
                "--database",
                database,
                "--data",
                str(data / "collector"),
            ],
        )
        env["DRIFTLINE_JOIN_TOKEN"] = token
    children.start("agent", AGENT, arguments, env)


def _agent_config(options: Options, data: Path) -> Path:
    host, port = parse_listen(options.enrol)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not listened at
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    path = data / "agent.toml"
    path.write_text(f'# Written by driftline up at every start.\ncollector = "{shown}"\n')
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    return path


def _wait_for_this_host(client: httpx.Client, children: Children) -> None:
    found: list[dict[str, Any]] = []

    def reported() -> bool:
        nonlocal found
        found = _get(client, "/api/v1/cis")["items"]
        return bool(found)

    children.wait_for("this host's first report", reported)
    names = ", ".join(str(ci["name"]) for ci in found)
    _say(f"  host       {names}: inventoried; driftline ci show {found[0]['name']}")


def _get(client: httpx.Client, path: str) -> Any:
    answer = client.get(path)
    answer.raise_for_status()
    return answer.json()


def _watch(client: httpx.Client, children: Children) -> None:
    """Say what happens until stopped: every RFC that is raised or moves on."""
    states = {rfc["number"]: rfc["state"] for rfc in _get(client, "/api/v1/rfcs")["items"]}
    while True:
        time.sleep(WATCH_S)
        children.check()
        try:
            items = _get(client, "/api/v1/rfcs")["items"]
        except httpx.HTTPError:
            continue  # the server is busy or going; if it is gone, the next check says so
        for rfc in reversed(items):
            if states.get(rfc["number"]) != rfc["state"]:
                states[rfc["number"]] = rfc["state"]
                _say(f"{time.strftime('%H:%M:%S')}  RFC {rfc['number']} {rfc['state']}: {rfc['title']}")
