"""``driftline-agent devices check | read | record``: to try a device by hand."""

# ruff: noqa: T201
# printing is what commands do

import argparse
import asyncio
import json
import os
import sys
import time
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from driftline.v1.facts_pb2 import Facts
from driftline_agent import config as agent_configs
from driftline_agent import show
from driftline_agent.devices import snmprec, system
from driftline_agent.devices.runtime import leases, poll
from driftline_agent.devices.runtime.keyring import Keyring, Source
from driftline_agent.devices.runtime.poll import Learned, Place, Polled, Wanted
from driftline_agent.devices.settings import check as checking
from driftline_agent.devices.settings import config as configs
from driftline_agent.devices.settings.config import DevicesConfig, Limits
from driftline_agent.devices.settings.secrets import Secrets
from driftline_agent.devices.snmp.credentials import Community, Credential
from driftline_agent.devices.snmp.pace import Pace
from driftline_agent.devices.snmp.transport import Target, connect
from driftline_agent.devices.snmp.walk import Patience, Walker
from driftline_agent.devices.topic import DeviceTopic, all_topics
from driftline_agent.errors import ConfigError

#: Where a recording begins: ISO's own (LLDP-MIB of IEEE 802.1AB-2005), and all of the others.
_WHOLE = ((1, 0), (1, 2), (1, 3))
_GIVEN = "given by hand"


class _Given(Source):
    """The one credential that was given by hand."""

    def __init__(self, credential: Credential) -> None:
        self._credential = credential

    def credential(self, name: str) -> Credential:
        """Return it."""
        return self._credential

    def forget(self, name: str) -> None:
        """It stays what it is."""


def run(options: argparse.Namespace) -> int:
    """Do what one of them says; return its exit code."""
    if options.devices_command == "check":
        return checking.run(_file(options), sys.stdout)
    place, source, limits = _where(options)
    if options.devices_command == "read":
        return _read(options, place, source, limits)
    return asyncio.run(_record(place, source, limits))


def _file(options: argparse.Namespace) -> Path:
    if options.devices is not None:
        return Path(options.devices)
    found = agent_configs.load(options.config).devices
    if found is None:
        raise ConfigError("no file of devices: give --devices FILE, or the setting devices")
    return found


def _where(options: argparse.Namespace) -> tuple[Place, Source, Limits]:
    try:
        address = str(ip_address(options.address))
    except ValueError as error:
        raise ConfigError(f'"{options.address}" is not an IP address; write one like 192.0.2.1') from error
    if options.community_env:
        community = os.environ.get(options.community_env)
        if not community:
            raise ConfigError(f"--community-env {options.community_env}: no such variable in the environment")
        place = Place(address, options.port or 161, options.context or "", (_GIVEN,))
        return place, _Given(Community(1 if options.v1 else 2, community)), Limits()
    config = configs.load(_file(options))
    configs.take_profiles(config)
    place = leases.place_of(config, address, options.port, options.context)
    if options.credential:
        place = replace(place, credentials=(_named(config, options.credential, address),))
    if not place.credentials:
        raise ConfigError(f"{address}: no entry of the file has a credential for it; give --credential NAME")
    return place, Secrets(config), config.limits


def _named(config: DevicesConfig, name: str, address: str) -> str:
    known = config.credentials.get(name)
    if known is None:
        raise ConfigError(f'credential "{name}" does not exist; there are {", ".join(sorted(config.credentials))}')
    if not known.may_be_used_at(address):
        prefixes = ", ".join(map(str, known.prefixes))
        raise ConfigError(f'credential "{name}" may not be used at {address}; its prefixes are {prefixes}')
    return name


def _chosen(names: list[str] | None) -> dict[str, DeviceTopic]:
    topics = dict(all_topics())
    for name in names or ():
        if name not in topics:
            raise ConfigError(f'topic "{name}" does not exist; there are {", ".join(topics)}')
    return {name: topic for name, topic in topics.items() if not names or name in names}


def _read(options: argparse.Namespace, place: Place, source: Source, limits: Limits) -> int:
    topics = _chosen(options.topic)
    wanted = Wanted(topics, list(topics.values()))
    polled = asyncio.run(poll.poll(place, wanted, Keyring(source), limits, Learned(), os.urandom(32)))
    facts = Facts()
    for result in polled.results:
        if result.section.reason:
            print(f"driftline-agent: topic {result.name}: {result.section.reason}", file=sys.stderr)
        if result.reading is not None:
            facts.MergeFrom(result.reading.facts)
    _print(options, facts, polled)
    credential = "" if polled.credential == _GIVEN else f", credential {polled.credential}"
    print(
        f"driftline-agent: {polled.target} read in {polled.duration:.2f} s with {polled.requests} requests,"
        f" profile {polled.profile.name}{credential}",
        file=sys.stderr,
    )
    return 0


def _print(options: argparse.Namespace, facts: Facts, polled: Polled) -> None:
    measured = [(metric, value, "gauge") for metric, value in polled.measured.gauges.items()] + [
        (metric, float(counter.value), "counter") for metric, counter in polled.measured.counters.items()
    ]
    measured.sort(key=lambda one: one[0])
    if options.json:
        shown = [
            {"metric": metric.name, "instance": metric.instance, "unit": metric.unit, "kind": kind, "value": value}
            for metric, value, kind in measured
        ]
        print(json.dumps({"facts": json.loads(show.as_json(facts)), "measured": shown}, indent=2, ensure_ascii=False))
        return
    for line in show.as_flat(facts) if options.flat else show.as_tree(facts):
        print(line)
    for metric, value, kind in measured:
        # What becomes a rate is a sum until there is a second reading.
        unit = metric.unit.removesuffix("/s") if kind == "counter" else metric.unit
        place = f"[{metric.instance}]" if metric.instance else ""
        print(f"measured.{metric.name}{place}\t{value:.{metric.decimals}f} {unit}")


async def _record(place: Place, source: Source, limits: Limits) -> int:
    credential = await Keyring(source).credential(place.credentials[0])
    session = await connect(Target(place.address, credential, place.port, place.context))
    started = time.monotonic()
    try:
        await system.read(session, limits.timeout_s, limits.retries)
        pace = Pace(limits.requests, 1 / limits.requests_per_s, 10 * limits.variables, 3600.0)
        walker = Walker(session, pace, Patience(limits.timeout_s, limits.retries, 10 * limits.variables))
        walks = [await walker.subtree(base) for base in _WHOLE]
    finally:
        await session.close()
    hidden = [credential.community.encode()] if isinstance(credential, Community) else []
    variables = [variable for walk in walks for variable in walk.variables]
    count = 0
    for line in snmprec.lines(variables, hidden):
        print(line)
        count += 1
    cuts = [cut for walk in walks for cut in walk.cuts]
    for cut in cuts:
        print(f"driftline-agent: the walk is cut short: {cut.why}: {cut.detail}", file=sys.stderr)
    print(
        f"driftline-agent: {count} variables in {time.monotonic() - started:.1f} s, {len(variables) - count} left out",
        file=sys.stderr,
    )
    return 1 if cuts else 0
