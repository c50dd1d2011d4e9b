"""The identity on disk: one file, so that key and certificate always fit each other."""

import base64
import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from driftline_agent import files
from driftline_agent.errors import IdentityError

_FILE = "identity.json"


@dataclass(frozen=True, slots=True)
class Identity:
    """What the agent is to its collector."""

    #: Given by the collector (a UUID).
    source_id: str
    #: EC P-256 key, PKCS #8, PEM.
    key: bytes = field(repr=False)
    #: Client certificate and its issuers, PEM, leaf first.
    chain: bytes = field(repr=False)
    #: The only root that is trusted, PEM.
    root: bytes = field(repr=False)
    #: host:port of the enrol port.
    enrol_address: str
    #: host:port of the report port.
    report_address: str
    #: Seconds since 1970.
    not_before: int
    not_after: int

    def expired(self, now: float | None = None) -> bool:
        """Tell whether the certificate has ended (or does within ten seconds)."""
        return (time.time() if now is None else now) > self.not_after - 10

    def due(self, now: float | None = None) -> bool:
        """Tell whether two thirds of the certificate's life are over."""
        return (time.time() if now is None else now) > self.not_before + (self.not_after - self.not_before) * 2 / 3


def load(state: Path) -> Identity | None:
    """Return the stored identity, or None where the agent has not enrolled.

    :raises IdentityError: where the file is damaged.
    """
    data = files.read_private(state / _FILE)
    if data is None:
        return None
    try:
        values = json.loads(data)
        for name in ("key", "chain", "root"):
            values[name] = base64.b64decode(values[name])
        return Identity(**values)
    except (ValueError, TypeError, KeyError) as error:
        raise IdentityError(f"{state / _FILE}: damaged; remove it and enrol again with a new token") from error


def save(state: Path, identity: Identity) -> None:
    """Store an identity in place of an earlier one, atomically, mode 0600."""
    values = asdict(identity)
    for name in ("key", "chain", "root"):
        values[name] = base64.b64encode(values[name]).decode()
    files.write_private(state / _FILE, json.dumps(values, indent=1).encode())
