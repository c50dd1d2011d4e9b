"""What the subcommands do; each imports what it needs and no more."""

# ruff: noqa: T201
# printing is what commands do

import argparse
import json
import logging
import os
import signal
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from driftline_agent import config as configs
from driftline_agent import files, heap
from driftline_agent.config import DEFAULT_READER, DEFAULT_STATE, Config
from driftline_agent.errors import ConfigError, IdentityError, UnreachableError, UnreadableError
from driftline_agent.firewall.client import Firewall
from driftline_agent.host import Host
from driftline_agent.identity import store
from driftline_agent.identity.store import Identity
from driftline_agent.reader.client import Reader

if TYPE_CHECKING:
    from driftline.v1.facts_pb2 import Facts

log = logging.getLogger(__name__)


def facts(options: argparse.Namespace) -> int:
    """Print the facts; what could not be read goes to standard error."""
    _without_protobuf_in_python()
    from driftline.v1.facts_pb2 import Facts
    from driftline_agent import inventory

    if not Path(options.root).is_dir():
        raise ConfigError(f"--root {options.root}: no such folder")
    out = Facts()
    try:
        choices = configs.load(None).choices if options.root == "/" else None
    except ConfigError:  # facts are shown without any configuration, and so with one that is closed or wrong
        choices = None
    host = Host(options.root, reader=Reader(str(DEFAULT_READER)), choices=choices, firewall=Firewall())
    chosen = inventory.select(options.topic)
    if options.topic and host.live:  # some tell more at the second reading, and a whole inventory is to be quick
        list(inventory.take(host, _display_key(), chosen))
    for result in inventory.take(host, _display_key(), chosen):
        if result.section.reason:
            print(f"driftline-agent: topic {result.name}: {result.section.reason}", file=sys.stderr)
        if result.reading is not None:
            out.MergeFrom(result.reading.facts)
    _print_facts(out, options)
    return 0


def _without_protobuf_in_python() -> None:
    """Keep protobuf's implementation in Python out of the process where the one in C is used: 10 ms, and 2 MiB.

    Its descriptor_pool imports it in any case, and needs it only where there is no other.
    """
    from google.protobuf.internal import api_implementation

    name = "google.protobuf.internal.python_message"
    if api_implementation.Type() != "python":
        sys.modules.setdefault(name, ModuleType(name))


def _print_facts(found: "Facts", options: argparse.Namespace) -> None:
    from driftline_agent import show

    indent = 2 if sys.stdout.isatty() else None  # which takes three times as long, and a program needs it not
    lines = (
        [show.as_json(found, indent)] if options.json else show.as_flat(found) if options.flat else show.as_tree(found)
    )
    for line in lines:
        print(line)


def parse(options: argparse.Namespace) -> int:
    """Print the facts in a command's output."""
    _without_protobuf_in_python()
    from driftline_agent.output import all_outputs

    known = all_outputs()
    if options.name is None:
        for name, output in known.items():
            print(f"{name:16}{output.command}")
        return 0
    if options.name not in known:
        raise ConfigError(f'"{options.name}": no such output is known; there are {", ".join(known)}')
    data = sys.stdin.buffer.read() if options.file == "-" else Path(options.file).read_bytes()
    _print_facts(known[options.name].parse(data.decode("utf-8", "replace")), options)
    return 0


def _display_key() -> bytes:
    """Return the key that this installation's passwords are sealed with, or one for this call where it may not."""
    for path in (configs.reader_key(DEFAULT_STATE), DEFAULT_STATE / "seal.key"):
        try:
            key = files.read_private(path)
        except OSError:
            continue
        if key:
            return key
    return os.urandom(32)


def _config(options: argparse.Namespace) -> Config:
    return configs.load(options.config, options.state)


def enroll(options: argparse.Namespace) -> int:
    """Enrol and print the identity."""
    config = _config(options)
    if options.collector:
        config = replace(config, collector=options.collector)
    token: str | None
    if options.token_file == "-":  # noqa: S105  # standard input
        token = sys.stdin.readline().strip()
    else:
        if options.token_file:
            config = replace(config, token_file=Path(options.token_file))
        token = configs.join_token(config)
    if not token:
        raise ConfigError(f"no join token: give --token-file FILE (- for standard input) or {configs.TOKEN_VARIABLE}")
    identity = _enroll(config, token, _host(config))
    print(f"enrolled as {identity.source_id}, reports to {identity.report_address}")
    return 0


def _host(config: Config) -> Host:
    """Give up root's rights where that is configured, and return what the host is read through from then on."""
    reader, firewall = Reader(str(config.reader), roots=config.files_roots), Firewall(str(config.firewall))
    if os.geteuid() == 0 and config.user is not None:
        from driftline_agent import privileges  # ctypes, which the systemd unit's agent cannot load

        reader, firewall = privileges.split(config, config.user)
    elif os.geteuid() == 0:
        log.info("running as root; with the setting user, only a process without network would")
    return Host(
        readable=config.readable_roots,
        reader=reader,
        watchlist=config.watchlist,
        choices=config.choices,
        settings=config.settings,
        firewall=firewall,
    )


def _enroll(config: Config, token: str, host: Host) -> Identity:
    from driftline_agent.claims import read_claims
    from driftline_agent.identity import enrolment
    from driftline_agent.identity.token import parse_token

    if not config.collector:
        raise ConfigError("collector: not set; give --collector HOST:PORT or the setting collector")
    parsed = parse_token(token)
    files.private_folder(config.state)
    return enrolment.enroll(config.state, config.collector, parsed, read_claims(host))


def run(options: argparse.Namespace) -> int:
    """Report until a signal says to stop. Until the agent has enrolled, a signal simply ends it."""
    _without_protobuf_in_python()
    config = _config(options)
    heap.one_arena()
    files.private_folder(config.state)
    identity = store.load(config.state)
    # Before root's rights are given up: the token's file may be root's.
    token = configs.join_token(config) if identity is None else None
    host = _host(config)
    identity = identity or _enroll_patiently(config, token, host)
    from driftline_agent.agent import Agent

    # Waited for, not handled: a handler runs only when the main thread does, and that is not sure while it waits for
    # an event. Threads inherit the mask.
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    agent = Agent(config, identity, host)
    agent.start()
    signal.sigwait(signals)
    agent.stop()
    agent.leave()
    log.info("stopped")
    logging.shutdown()
    # Threads may be waiting for a network; all that counts is on the disk already.
    os._exit(0)


def _enroll_patiently(config: Config, token: str | None, host: Host) -> Identity:
    """Enrol; wait for a collector that cannot be reached."""
    if not token:
        raise IdentityError(
            f"{config.state}: this agent has not enrolled; run driftline-agent enroll, or give token_file or"
            f" {configs.TOKEN_VARIABLE}"
        )
    wait = 1.0
    while True:
        try:
            return _enroll(config, token, host)
        except UnreachableError as error:
            log.warning("not enrolled yet", extra={"reason": str(error)})
            time.sleep(wait)
            wait = min(wait * 2, 60)


def status(options: argparse.Namespace) -> int:
    """Print who this agent is, its last receipt, and what waits."""
    from driftline_agent import spool
    from driftline_agent import state as states

    config = _config(options)
    if not config.state.is_dir():
        raise UnreadableError(f"state folder {config.state}: no such folder; has this agent run? see --state")
    identity = store.load(config.state)
    state, dropped = states.load(config.state), spool.dropped(config.state / "spool")
    values = {
        "source": identity.source_id if identity else None,
        "collector": (config.report or identity.report_address) if identity else None,
        "certificate_ends": _time(identity.not_after) if identity else None,
        "last_receipt": _time(state.receipt_at_ms / 1000) if state.receipt_at_ms else None,
        "waiting": spool.waiting(config.state / "spool"),
        "dropped": dropped.reports + dropped.utilization_batches,
        "unreadable": sorted(name for name, known in state.sections.items() if known.unreadable),
    }
    if options.json:
        print(json.dumps(values, indent=2))
    else:
        for name, value in values.items():
            shown = ", ".join(value) if isinstance(value, list) else value
            print(f"{name.replace('_', ' '):18}{'-' if shown in (None, '') else shown}")
    return 0 if identity else 1


def _time(seconds: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def devices(options: argparse.Namespace) -> int:
    """Try a device by hand."""
    _without_protobuf_in_python()
    from driftline_agent.devices import command

    return command.run(options)


def doctor(options: argparse.Namespace) -> int:
    """Print what is good and what is not; return 1 where something keeps the agent from working."""
    from driftline_agent.doctor.examine import examine
    from driftline_agent.doctor.finding import BAD

    found = []
    for finding in examine(options.config, options.state):
        found.append(finding)
        if not options.json:
            print(f"{finding.level:5} {finding.subject}: {finding.says}", flush=True)
            if finding.mend:
                print(f"      -> {finding.mend}", flush=True)
    if options.json:
        print(json.dumps([asdict(finding) for finding in found], indent=2))
    return 1 if any(finding.level == BAD for finding in found) else 0
