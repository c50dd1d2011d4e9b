"""``driftline-agent devices check``: what the file of devices says, and whether its references lead to secrets."""

from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from driftline_agent.devices.settings.config import (
    CredentialEntry,
    DevicesConfig,
    Discovery,
    TargetEntry,
    load,
    take_profiles,
)
from driftline_agent.errors import AgentError, ConfigError


def run(path: Path, out: TextIO) -> int:
    """Print the file in words, without any secret; return 1 where something is wrong.

    References are followed as the user that runs this: which should be the agent's.
    """
    try:
        config = load(path)
        own = take_profiles(config)
    except ConfigError as error:
        print(f"bad   {error}", file=out)
        return 1
    print(f"site  {config.site}", file=out)
    wrong = 0
    for entry, wrong_with_it in credentials(config):
        if wrong_with_it:
            wrong += 1
            print(f"bad   {_credential(config, entry)}\n      -> {wrong_with_it}", file=out)
        else:
            print(f"good  {_credential(config, entry)}", file=out)
        if any(prefix.prefixlen == 0 for prefix in entry.prefixes):
            print(f"note  credential {entry.name}: may be used anywhere; narrow its prefixes", file=out)
    for target in config.targets:
        print(f"read  {_target(target)}", file=out)
    if config.profiles is not None:
        print(f"use   profiles of {config.profiles}: {', '.join(own) or 'none'}", file=out)
    for line in _rest(config):
        print(line, file=out)
    if wrong:
        print(f"{wrong} of {len(config.credentials)} credentials cannot be used", file=out)
    return 1 if wrong else 0


def credentials(config: DevicesConfig) -> Iterator[tuple[CredentialEntry, str]]:
    """Yield every credential, and why it cannot be used; empty where its references lead to secrets."""
    from driftline_agent.devices.settings.secrets import Secrets

    secrets = Secrets(config)
    for entry in config.credentials.values():
        try:
            secrets.credential(entry.name)
        except AgentError as error:
            yield entry, str(error)
        else:
            yield entry, ""


def _credential(config: DevicesConfig, entry: CredentialEntry) -> str:
    from driftline_agent.devices.settings.document import Place
    from driftline_agent.devices.settings.reading_credentials import read_credential

    recipe = read_credential(Place(config.file, f"credentials.{entry.name}", entry.document))
    sources = "".join(f"; {name} from {reference}" for name, reference in recipe.references.items())
    return f"credential {entry.name}: {recipe.words}{sources}; for {', '.join(map(str, entry.prefixes))}"


def _target(target: TargetEntry) -> str:
    place = str(target.network.network_address) if target.single else f"whoever answers in {target.network}"
    parts = [f"{place} with {', '.join(target.credentials)}, every {target.interval_s} s"]
    parts += [f"port {target.port}"] if target.port != 161 else []
    parts += [f'context "{target.context}"'] if target.context else []
    parts += [f"without {', '.join(map(_short, target.excluded))}"] if target.excluded else []
    return ", ".join(parts)


def _rest(config: DevicesConfig) -> Iterator[str]:
    if config.discovery:
        yield f"look  {_discovery(config.discovery)}"
    if config.traps:
        yield f"hear  traps at {config.traps.address}, port {config.traps.port}"
    if config.vault:
        yield f"vault {config.vault.address}, {config.vault.mount} (KV version {config.vault.kv})"
    if config.takes_more:
        yield "takes devices that the collector hands out, where a credential above may be used for them"
    else:
        yield "takes no devices that the collector hands out"


def _discovery(discovery: Discovery) -> str:
    from driftline_agent.devices.settings.reading_prefixes import duration_s

    tried = ["ICMP", *(f"TCP {port}" for port in discovery.ports), *(f"SNMP {name}" for name in discovery.credentials)]
    left = f", without {', '.join(map(_short, discovery.excluded))}" if discovery.excluded else ""
    return (
        f"{', '.join(map(str, discovery.prefixes))}{left} every {discovery.every_s} s by {', '.join(tried)},"
        f" {discovery.rate} probes a second: up to {duration_s(discovery):.0f} s a pass"
    )


def _short(network: object) -> str:
    return str(network).removesuffix("/32").removesuffix("/128")
