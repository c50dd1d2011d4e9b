"""What stands on this host: state folder, identity, what waits to be sent, what the kernel lets the agent watch."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from driftline_agent import spool
from driftline_agent import state as states
from driftline_agent.config import Config
from driftline_agent.doctor.finding import BAD, GOOD, NOTE, Finding
from driftline_agent.errors import IdentityError
from driftline_agent.identity import store
from driftline_agent.identity.store import Identity

_ENROL = "get a join token from the collector's operator and run: driftline-agent enroll --token-file FILE"
#: Below so many free bytes beside the spool, reports may soon have no place to wait.
_LOW_DISK = 256 << 20
_LIMITS = "/proc/sys/fs/inotify"
#: Folders that the agent watches on an ordinary host, and a little more.
_WATCHES = 4096


def state_folder(config: Config) -> Iterator[Finding]:
    """Look at the state folder."""
    try:
        found = config.state.stat()
    except FileNotFoundError:
        yield Finding(BAD, "state folder", f"{config.state}: not there, so this agent has never run", _ENROL)
        return
    except OSError as error:
        yield Finding(BAD, "state folder", f"{config.state}: {error.strerror}", "run the doctor as root")
        return
    if found.st_mode & 0o077:
        yield Finding(BAD, "state folder", f"{config.state}: open to other users", f"chmod 700 {config.state}")
        return
    free = os.statvfs(config.state)
    left = free.f_bavail * free.f_frsize
    if left < _LOW_DISK:
        yield Finding(
            NOTE, "state folder", f"{config.state}: only {left >> 20} MiB free on its disk", "make room there"
        )
        return
    yield Finding(GOOD, "state folder", f"{config.state}, {left >> 20} MiB free")


def certificate(config: Config) -> Iterator[Finding]:
    """Look at the identity and its certificate."""
    try:
        identity = store.load(config.state)
    except (OSError, IdentityError) as error:
        yield Finding(BAD, "certificate", str(error), "run the doctor as root, or enrol anew")
        return
    if identity is None:
        yield Finding(BAD, "certificate", "this agent has not enrolled", _ENROL)
        return
    yield _certificate(identity, time.time())


def _certificate(identity: Identity, now: float) -> Finding:
    until = datetime.fromtimestamp(identity.not_after, UTC).isoformat(timespec="minutes")
    if now < identity.not_before - 300:
        return Finding(
            BAD, "certificate", "its life begins in the future", "set this host's clock: it is behind the collector's"
        )
    if identity.expired(now):
        return Finding(
            BAD,
            "certificate",
            f"ended at {until}",
            "leave the agent running: it renews the certificate by itself for 30 days after its end; later, enrol anew",
        )
    return Finding(GOOD, "certificate", f"source {identity.source_id}, good until {until}")


def waiting(config: Config) -> Iterator[Finding]:
    """Look at what has no receipt yet."""
    try:
        state, count = states.load(config.state), spool.waiting(config.state / "spool")
    except OSError as error:
        yield Finding(BAD, "reports", f"{error.filename}: {error.strerror}", "run the doctor as root")
        return
    if not state.receipt_at_ms:
        yield Finding(NOTE, "reports", "the collector has never received one", "see what is said of the collector")
        return
    age = int(time.time() - state.receipt_at_ms / 1000)
    says = f"last receipt {_span(age)} ago, {count} waiting"
    if age > 3600:
        yield Finding(BAD, "reports", says, "see what is said of the collector, and whether the agent runs")
    else:
        yield Finding(GOOD, "reports", says)
    lost = spool.dropped(config.state / "spool")
    if lost.reports or lost.utilization_batches:
        yield Finding(
            NOTE,
            "reports",
            f"the spool was full: {lost.reports} reports and {lost.utilization_batches} batches were dropped",
            "raise spool_bytes, or mend the way to the collector",
        )


def watching(config: Config) -> Iterator[Finding]:
    """Look at what the kernel lets a user watch, inotify(7)."""
    if not config.watch:
        yield Finding(NOTE, "watching", "off: changes are seen at the next inventory", "set watch = true")
        return
    try:
        limits = {name: int(open(f"{_LIMITS}/{name}").read()) for name in ("max_user_watches", "max_user_instances")}  # noqa: PTH123, SIM115  # two words of the kernel
    except (OSError, ValueError) as error:
        yield Finding(NOTE, "watching", f"{_LIMITS}: {error}", "mount /proc; without it changes are seen late")
        return
    if limits["max_user_watches"] < _WATCHES:
        yield Finding(
            NOTE,
            "watching",
            f"the kernel lets a user watch {limits['max_user_watches']} folders, which may be too few",
            f"sysctl fs.inotify.max_user_watches={2 * _WATCHES}",
        )
        return
    yield Finding(GOOD, "watching", f"up to {limits['max_user_watches']} folders")


def _span(seconds: int) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
