"""The way to the collector: can it be reached, does it take this agent's certificate, do the clocks agree?"""

import time
from collections.abc import Iterator

from driftline.v1.collector_pb2 import AnnounceRequest, Stamp
from driftline_agent import __version__
from driftline_agent import state as states
from driftline_agent.config import Config
from driftline_agent.doctor.finding import BAD, GOOD, NOTE, Finding
from driftline_agent.errors import AgentError, DiscontinuedError, IdentityError, RefusedError, UnreachableError
from driftline_agent.identity import pin, store
from driftline_agent.identity.store import Identity

_TIMEOUT_S = 10.0
#: Seconds by which clocks may differ before a change's time is told wrongly enough to matter to a person.
_SKEW_S = 5.0
_NETWORK = "look at the name, the port, and the firewalls between here and there"


def collector(config: Config) -> Iterator[Finding]:
    """Talk to the collector as the agent does, by a call that changes nothing there."""
    try:
        identity = store.load(config.state)
    except (OSError, IdentityError):
        return  # said of the certificate
    if identity is None:
        yield from _enrol_port(config)
    else:
        yield from _report_port(config, identity)


def _enrol_port(config: Config) -> Iterator[Finding]:
    if not config.collector:
        yield Finding(BAD, "collector", "not configured", 'set collector = "HOST:PORT" in /etc/driftline/agent.toml')
        return
    host, _, port = config.collector.rpartition(":")
    if not host or not port.isdigit():
        yield Finding(
            BAD, "collector", f'"{config.collector}" is not HOST:PORT', 'write it like "cmdb.example.org:7443"'
        )
        return
    try:
        pin.fetch_chain(host.strip("[]"), int(port), _TIMEOUT_S)
    except UnreachableError as error:
        yield Finding(BAD, "collector", str(error), _NETWORK)
        return
    yield Finding(GOOD, "collector", f"{config.collector} answers")


def _report_port(config: Config, identity: Identity) -> Iterator[Finding]:
    from driftline_agent.transport import Connection

    address = config.report or identity.report_address
    state = states.load(config.state)
    stamp = Stamp(
        epoch=state.epoch,
        sequence=state.sequence,
        continuation=bytes.fromhex(state.continuation),
        sent_at_ms=int(time.time() * 1000),
        agent_version=__version__,
    )
    sent = time.time()
    try:
        with Connection(address, identity.root, identity.key, identity.chain, timeout=_TIMEOUT_S) as connection:
            reply = connection.announce(AnnounceRequest(stamp=stamp))
    except RefusedError as error:
        yield Finding(BAD, "collector", str(error), "ask the collector's operator, or enrol anew with a new token")
        return
    except DiscontinuedError as error:
        yield Finding(BAD, "collector", str(error), "was this machine cloned or set back? the operator must decide")
        return
    except UnreachableError as error:
        # A certificate that the collector does not take looks the same: "socket closed".
        why = _NETWORK if not identity.expired() else "see what is said of the certificate"
        yield Finding(BAD, "collector", str(error), why)
        return
    except AgentError as error:
        yield Finding(BAD, "collector", str(error), "agent and collector may be of versions that do not fit")
        return
    took = time.time() - sent
    yield Finding(GOOD, "collector", f"{address} takes this agent's certificate, answered in {took * 1000:.0f} ms")
    if reply.instructions.server_time_ms:
        yield _clock(reply.instructions.server_time_ms / 1000 - (sent + took / 2))


def _clock(ahead: float) -> Finding:
    if abs(ahead) <= _SKEW_S:
        return Finding(GOOD, "clock", f"{abs(ahead):.1f} s from the collector's")
    says = f"{abs(ahead):.0f} s {'behind' if ahead > 0 else 'ahead of'} the collector's"
    return Finding(NOTE, "clock", says, "let NTP set it; until then driftline corrects the times that it reports")
