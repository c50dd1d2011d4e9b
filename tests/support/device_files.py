"""Files of devices for the tests, and the runtime for devices beside a fake collector."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.agent.fake_collector import FakeCollector, FakeDevice

from driftline.v1.collector_pb2 import HostClaims
from driftline_agent.devices.runtime.service import Devices
from driftline_agent.identity import enrolment, store
from driftline_agent.identity.token import parse_token
from driftline_agent.transport import Connection


def write(
    folder: Path, devices: Sequence[Mapping[str, object]], communities: Mapping[str, str], more: str = ""
) -> Path:
    """Write a file of devices and return its path.

    :param devices: entries, each a mapping of plain values.
    :param communities: of SNMPv2c, by the credentials' names; to be used on this host.
    """
    lines = ["site: lab", "credentials:"]
    for name, community in communities.items():
        secret = folder / f"{name}.secret"
        secret.write_text(community)
        secret.chmod(0o600)
        lines += [
            f"  {name}:",
            "    version: 2c",
            f"    community: {{file: {secret}}}",
            "    prefixes: [127.0.0.0/8]",
        ]
    lines.append("devices:" if devices else "devices: []")
    for entry in devices:
        shown = [f"{key}: {value}" for key, value in entry.items()]
        lines.append("  - " + "\n    ".join(shown))
    path = folder / "devices.yaml"
    new = folder / f".{uuid.uuid4()}"
    new.write_text("\n".join([*lines, more, ""]))
    new.chmod(0o600)
    new.replace(path)
    return path


@contextmanager
def running(collector: FakeCollector, folder: Path, path: Path) -> Iterator[Devices]:
    """Run the runtime for devices of an agent that has enrolled."""
    state = folder / "state"
    state.mkdir(exist_ok=True)
    identity = store.load(state)
    if identity is None:
        token = parse_token(collector.token)
        identity = enrolment.enroll(state, collector.enrol_address, token, HostClaims(hostname="agent1"))
    known = identity

    def connect() -> Connection:
        return Connection(known.report_address, known.root, known.key, known.chain, 5)

    devices = Devices(path, state / "devices", bytes(32), connect)
    devices.start()
    try:
        yield devices
    finally:
        devices.stop(10)


def seen(collector: FakeCollector, port: int, address: str = "127.0.0.1") -> FakeDevice:
    """Return what the collector knows of a device; waits until its first facts came."""
    place = (address, port)
    collector.wait_for(lambda: place in collector.devices and bool(collector.devices[place].applied))
    return collector.devices[place]
