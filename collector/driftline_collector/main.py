"""The command ``driftline-collector``."""

import argparse
import getpass
import os
import re
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from sqlmodel import select

from driftline_cmdb import sources
from driftline_cmdb.database import Database, migrate
from driftline_cmdb.errors import CmdbError, NotFound
from driftline_cmdb.sources import TokenText
from driftline_cmdb.tables.cis import Ci
from driftline_collector import logs, settings
from driftline_collector.authority import store
from driftline_collector.authority.authority import fingerprint
from driftline_collector.clock import now_ms
from driftline_collector.collector import Collector
from driftline_collector.errors import CollectorError, SettingsError
from driftline_collector.settings import Settings
from driftline_collector.signing import Signer

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0, or 1 where it failed, with the reason on standard error."""
    options = _parser().parse_args(arguments)
    names = ("database", "data", "enrol_listen", "report_listen", "metrics_listen", "report_address", "names")
    try:
        chosen = settings.load(options.config, {name: getattr(options, name, None) for name in names})
        return int(options.command(chosen, options))
    except (CmdbError, CollectorError) as error:
        sys.stderr.write(f"driftline-collector: {error}\n")
        return 1


def run(chosen: Settings, options: argparse.Namespace) -> int:
    """Collect until SIGTERM or SIGINT."""
    logs.to_stderr()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    collector = Collector(chosen)
    collector.start()
    stop.wait()
    if not collector.stop():
        # Threads that wait for the database would keep the process; what they have not committed has no receipt.
        sys.stderr.flush()
        os._exit(0)
    return 0


def token(chosen: Settings, options: argparse.Namespace) -> int:
    """Print a new join token."""
    now = now_ms()
    # A collector may run on this directory: what it has is read, never renewed.
    root = store.read_root(store.create(chosen.data, chosen.names, now))
    database = _open(chosen)
    with database.write() as session:
        ci_id = None
        if options.ci is not None:
            ci_id = session.exec(select(Ci.id).where(Ci.uid == options.ci)).first()
            if ci_id is None:
                raise NotFound(f"ci: {options.ci} does not exist; name its uid")
        expires = now + seconds(options.life) * 1000
        row, secret = sources.create_join_token(session, _actor(), options.uses, expires, now, ci_id, options.note)
        text = TokenText(row.id, secret, fingerprint(root))
    database.close()
    sys.stdout.write(f"{text}\n")
    return 0


def revoke(chosen: Settings, options: argparse.Namespace) -> int:
    """Revoke all certificates of a source."""
    database = _open(chosen)
    with database.write() as session:
        source = sources.find(session, options.source)
        count = sources.revoke_certificates(session, source, _actor(), options.reason, now_ms())
    database.close()
    sys.stdout.write(f"source {source.uid} ({source.hostname}): {count} certificates revoked\n")
    return 0


def key(chosen: Settings, _options: argparse.Namespace) -> int:
    """Print the public key of this collector's audit heads."""
    sys.stdout.write(f"{Signer(chosen.data).key}\n")
    return 0


def seconds(text: str) -> int:
    """Read a duration: 30s, 15m, 1h, 7d.

    :raises SettingsError: where it is none.
    """
    match = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    if match is None:
        raise SettingsError(f'for: "{text}" is no duration, for example 30s, 15m, 1h, 7d')
    return int(match[1]) * _UNITS[match[2]]


def _open(chosen: Settings) -> Database:
    migrate(chosen.database)
    return Database(chosen.database)


def _actor() -> str:
    return f"{getpass.getuser()} (local)"


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, metavar="FILE", help="settings, TOML")
    common.add_argument("--database", metavar="URL", help="for example sqlite:////var/lib/driftline/driftline.db")
    common.add_argument("--data", type=Path, metavar="DIR", help="directory of keys and certificates")
    common.add_argument(
        "--name", dest="names", action="append", help="name or address of this host for its certificate"
    )
    parser = argparse.ArgumentParser(prog="driftline-collector", description="Collects what driftline's agents report.")
    commands = parser.add_subparsers(required=True)

    running = commands.add_parser("run", parents=[common], help="collect until stopped")
    for name, what in (("enrol", "enrolment"), ("report", "reports"), ("metrics", "/metrics")):
        running.add_argument(f"--{name}-listen", metavar="HOST:PORT", help=f"where to listen for {what}; port 0: any")
    running.add_argument("--report-address", metavar="HOST:PORT", help="what agents are told to report to")
    running.set_defaults(command=run)

    tokens = commands.add_parser("token", parents=[common], help="print a new join token for agents")
    tokens.add_argument("--uses", type=int, default=1, metavar="N", help="agents that may join with it (1)")
    tokens.add_argument("--for", dest="life", default="1h", metavar="TIME", help="how long it holds: 30s, 15m, 1h, 7d")
    tokens.add_argument("--ci", metavar="UID", help="the CI that whoever joins speaks for")
    tokens.add_argument("--note", default="", help="what it is for")
    tokens.set_defaults(command=token)

    revoking = commands.add_parser("revoke", parents=[common], help="revoke a source's certificates")
    revoking.add_argument("source", help="its identity or host name")
    revoking.add_argument("--reason", default="", help="why, for the audit trail")
    revoking.set_defaults(command=revoke)

    keys = commands.add_parser("key", parents=[common], help="print the public key that audit heads are signed with")
    keys.set_defaults(command=key)
    return parser


if __name__ == "__main__":
    sys.exit(main())
