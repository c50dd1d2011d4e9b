"""What the agent must know after a restart: numbering, continuation, and what each section was when last read.

One JSON file in the state folder, replaced atomically.
"""

import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from driftline_agent import files

_FILE, _KEY = "state.json", "seal.key"


@dataclass(slots=True)
class Known:
    """What is known of one section."""

    #: Digest of the last content that could be read, hexadecimal; empty before the first.
    digest: str = ""
    #: Host time when the last reading that gave this digest began, ms.
    observed_at_ms: int = 0
    #: The digest before, and the last host time it still held, ms.
    previous_digest: str = ""
    previous_observed_at_ms: int = 0
    #: Digest over all that is reported besides times; another one asks for a report.
    fingerprint: str = ""
    #: The last attempt could not read it.
    unreadable: bool = False
    #: Host time when the last attempt began, ms.
    attempted_at_ms: int = 0


@dataclass(slots=True)
class State:
    """The agent's memory."""

    epoch: str = ""
    #: Sequence number of the last receipt in this epoch.
    sequence: int = 0
    #: Continuation token of the last receipt, hexadecimal.
    continuation: str = ""
    sections: dict[str, Known] = field(default_factory=dict)
    #: End of the last transaction that was put into a report, by log: ms since 1970.
    evidence: dict[str, int] = field(default_factory=dict)
    #: Time of the last receipt, ms; for ``driftline-agent status``.
    receipt_at_ms: int = 0
    #: The epoch before this one, and why this one began.
    previous_epoch: str = ""
    begun_for: str = ""
    #: The machine that this is the memory of; `driftline_agent.machine`.
    machine: dict[str, list[str]] = field(default_factory=dict)
    #: Of a device: the generation of the lease that the epoch is of.
    lease: int = 0

    def new_epoch(self, reason: str = "") -> None:
        """Start numbering anew.

        :param reason: as the collector is told: "other hardware", "discontinued", "own identity", "lease".
        """
        self.previous_epoch, self.begun_for = self.epoch, reason
        self.epoch, self.sequence, self.continuation = secrets.token_hex(16), 0, ""


def load(folder: Path) -> State:
    """Return the stored state; one without an epoch where there is none or it is damaged."""
    data = files.read_private(folder / _FILE)
    try:
        values = json.loads(data) if data else {}
        values["sections"] = {name: Known(**known) for name, known in values.get("sections", {}).items()}
        state = State(**values)
    except (ValueError, TypeError, AttributeError):
        state = State()
    return state


def save(folder: Path, state: State) -> None:
    """Store the state, durably."""
    files.write_private(folder / _FILE, json.dumps(asdict(state), separators=(",", ":")).encode())


def sealing_key(folder: Path) -> bytes:
    """Return this installation's key for secret values, made at the first call; it never leaves the host."""
    key = files.read_private(folder / _KEY)
    if key is None or len(key) != 32:
        key = secrets.token_bytes(32)
        files.write_private(folder / _KEY, key)
    return key
