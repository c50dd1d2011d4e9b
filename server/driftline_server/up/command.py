"""The command itself: what is started in which order, and what is printed meanwhile."""

import json
import os
import signal
import socket
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlmodel import select

from driftline_cmdb import sources
from driftline_cmdb.database import Database
from driftline_cmdb.errors import NotFound
from driftline_cmdb.tables.people import Person
from driftline_server.access import passwords, people
from driftline_server.cli import profiles
from driftline_server.settings import parse_listen
from driftline_server.sources.root import root_fingerprint
from driftline_server.times import now_ms
from driftline_server.up.children import Children, UpError, require_free

COLLECTOR = "driftline_collector.main"
SERVER = "driftline_server.main"
AGENT = "driftline_agent.main"

#: The first people, with their roles: two, because nobody approves what they themselves request.
PEOPLE = {"admin": ("admin", "approver"), "approver": ("approver",)}
#: Who the audit trail names.
ACTOR = "driftline-up"
#: The site whose devices this host's agent may read.
SITE = "local"
HOUR_MS = 3_600_000
TOKEN_LIFE_MS = 365 * 24 * HOUR_MS
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
    #: File of the devices that the agent reads.
    devices: Path | None = None


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
    url = options.database or f"sqlite:///{data / 'driftline.db'}"
    for address, option in (
        (options.web, "--web"),
        (options.enrol, "--enrol"),
        (options.report, "--report"),
        (options.metrics, "--metrics"),
    ):
        host, port = parse_listen(address)
        require_free(host, port, f"{option} HOST:PORT")
    _start_collector(options, data, url, children)
    database = Database(url)
    if options.agent:
        _start_agent(options, data, database, children)
    web = _start_server(options, data, url, children)
    _say(f"  web        {web}")
    for name, password in _people(database, web).items():
        _say(f"  {name:<10} password {password}   (shown once; it is not kept)")
    database.close()
    client = httpx.Client(base_url=web, headers={"Authorization": f"Bearer {_profile('admin').token}"}, timeout=10)
    with client:
        if options.agent:
            _wait_for_this_host(client, children)
        if options.agent and options.devices is not None:
            _let_read_devices(client, data)
        _say("  try        .venv/bin/driftline ci list      (Ctrl-C here stops everything)")
        _say("")
        _watch(client, children)


def _start_collector(options: Options, data: Path, url: str, children: Children) -> None:
    ports = data / "collector" / "ports.json"
    ports.unlink(missing_ok=True)
    places = {
        "--database": url,
        "--data": str(data / "collector"),
        "--enrol-listen": options.enrol,
        "--report-listen": options.report,
        "--metrics-listen": options.metrics,
    }
    names = [word for name in options.names for word in ("--name", name)]
    children.start("collector", COLLECTOR, ["run", *(word for pair in places.items() for word in pair), *names])
    children.wait_for("the collector", ports.exists)
    _say(f"  collector  enrol {options.enrol}, report {options.report}, metrics http://{options.metrics}/metrics")


def _start_server(options: Options, data: Path, url: str, children: Children) -> str:
    ready = data / "server" / "server.json"
    ready.unlink(missing_ok=True)
    arguments = ["run", "--database", url, "--data", str(data / "server"), "--listen", options.web]
    children.start("server", SERVER, [*arguments, "--root-cert", str(data / "collector" / "root.pem")])
    children.wait_for("the server", ready.exists)
    return str(json.loads(ready.read_text())["url"])


def _people(database: Database, web: str) -> dict[str, str]:
    """Add the first people where there are none; return their passwords. Leaves a CLI profile for each."""
    made: dict[str, str] = {}
    with database.read() as session:
        first_start = session.exec(select(Person.id).limit(1)).first() is None
    now = now_ms()
    for name, roles in PEOPLE.items():
        if first_start:
            made[name] = passwords.generate()
            with database.write() as session:
                people.add(session, name, made[name], roles, ACTOR, now)
        if not _profile_works(name, web):
            _make_profile(database, name, web, now)
    return made


def _make_profile(database: Database, name: str, web: str, now: int) -> None:
    label = f"driftline up on {socket.gethostname()}"
    try:
        with database.write() as session:
            person = people.find(session, name)
            _, token = people.create_token(session, person, label, now + TOKEN_LIFE_MS, now, ACTOR)
    except NotFound:  # an operator has named the people otherwise
        _say(f"  people     there is no {name} here, so the CLI profile of that name is left as it is")
        return
    where = profiles.path_of(os.environ)
    profiles.store(where, name, profiles.Profile(url=web, token=token), make_default=name == "admin")


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


def _start_agent(options: Options, data: Path, database: Database, children: Children) -> None:
    state = data / "agent"
    env: dict[str, str] = {}
    if not (state / "identity.json").exists():
        now = now_ms()
        fingerprint = root_fingerprint(data / "collector" / "root.pem")
        with database.write() as session:
            token, secret = sources.create_join_token(session, ACTOR, 1, now + HOUR_MS, now, note="driftline up")
            env["DRIFTLINE_JOIN_TOKEN"] = str(sources.TokenText(token.id, secret, fingerprint))
    config = str(_agent_config(options, data))
    children.start("agent", AGENT, ["run", "--config", config, "--state", str(state)], env)


def _agent_config(options: Options, data: Path) -> Path:
    host, port = parse_listen(options.enrol)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not listened at
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    path = data / "agent.toml"
    devices = f"devices = {json.dumps(str(options.devices.resolve()))}\n" if options.devices is not None else ""
    path.write_text(f'# Written by driftline up at every start.\ncollector = "{shown}"\n{devices}')
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    return path


def _wait_for_this_host(client: httpx.Client, children: Children) -> None:
    found: list[dict[str, Any]] = []

    def reported() -> bool:
        nonlocal found
        found = [ci for ci in _get(client, "/api/v1/cis")["items"] if ci["version"]]
        return bool(found)

    children.wait_for("this host's first report", reported)
    names = ", ".join(str(ci["name"]) for ci in found)
    _say(f"  host       {names}: inventoried; driftline ci show {found[0]['name']}")


def _let_read_devices(client: httpx.Client, data: Path) -> None:
    """Let this host's agent speak for the devices of the site that `driftline up` is."""
    uid = json.loads((data / "agent" / "identity.json").read_text())["source_id"]
    known = _get(client, f"/api/v1/device-speakers?site={SITE}&limit=10000")["items"]
    if not any(one["uid"] == uid for one in known):
        said = {"source": uid, "site": SITE, "reason": "driftline up --devices"}
        client.post("/api/v1/device-speakers", json=said).raise_for_status()
    _say(f"  devices    this host's agent reads those of site {SITE}; driftline device list")


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
