"""The command line: ``driftline-agent facts | parse | enroll | run | status | doctor | devices``.

Exit codes: 0 done; 1 it did not work, the last line says why; 2 wrong use or configuration.
"""

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from driftline_agent import __version__
from driftline_agent.devices import arguments as device_arguments
from driftline_agent.errors import AgentError, ConfigError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="driftline-agent", description="Inventories this host and reports it.")
    parser.add_argument("--version", action="version", version=f"driftline-agent {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log more")
    # With its name given, argparse need not format one, for which it imports shutil and all that compresses.
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", prog="driftline-agent")

    facts = commands.add_parser("facts", help="print this host's facts; needs no configuration and no collector")
    facts.add_argument("--topic", action="append", metavar="NAME", help="only this topic; may be repeated")
    facts.add_argument("--root", default="/", metavar="DIR", help="read a captured file tree instead of this host")

    parse = commands.add_parser("parse", help="print the facts in what a command printed on some machine")
    parse.add_argument("name", metavar="COMMAND", nargs="?", help="the command; all known ones are listed without it")
    parse.add_argument("file", metavar="FILE", nargs="?", default="-", help="its output; - reads standard input")
    for command in (facts, parse):
        form = command.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help="as JSON")
        form.add_argument("--flat", action="store_true", help="one attribute a line: path, tab, value")

    enroll = commands.add_parser("enroll", help="get this host's identity from a collector")
    enroll.add_argument("--collector", metavar="HOST:PORT", help="the collector's enrol port")
    enroll.add_argument("--token-file", metavar="FILE", help="file with the join token; - reads standard input")
    run = commands.add_parser("run", help="report to the collector until stopped; enrols first if it has to")
    status = commands.add_parser("status", help="show identity, last receipt and what waits")
    status.add_argument("--json", action="store_true", help="as JSON")
    doctor = commands.add_parser("doctor", help="say what is wrong with this agent, why, and what to do about it")
    doctor.add_argument("--json", action="store_true", help="as JSON")
    devices = commands.add_parser(
        "devices", help="try by hand what this agent does with devices", prog="driftline-agent devices"
    )
    device_arguments.add(devices)
    for command in (enroll, run, status, doctor):
        command.add_argument("--config", type=Path, metavar="FILE", help="default: /etc/driftline/agent.toml if there")
        command.add_argument("--state", type=Path, metavar="DIR", help="state folder")
    return parser


def _without_openssl() -> None:
    """Keep hashlib's OpenSSL half out of the process, 3 MiB of a budget of 55.

    The digests used here (BLAKE2, SHA-256) are in hashlib's own half too, and TLS is gRPC's. Where a distribution has
    built Python without its own digests (Fedora, RHEL), nothing is changed.
    """
    own = all(find_spec(name) for name in ("_md5", "_sha1", "_sha3", "_blake2"))
    if own and (find_spec("_sha2") or find_spec("_sha256")):
        sys.modules.setdefault("_hashlib", None)  # type: ignore[arg-type]  # None makes the import fail, as documented


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    collecting = gc.isenabled()
    if "run" not in (sys.argv[1:] if arguments is None else arguments):
        gc.disable()  # what reads a host once makes next to no rings, and looking for them takes a tenth of the time
    try:
        return _main(arguments)
    finally:
        if collecting:
            gc.enable()


def _main(arguments: Sequence[str] | None) -> int:
    options = _parser().parse_args(arguments)
    _without_openssl()
    from driftline_agent import commands, logs

    logs.configure(options.verbose)
    try:
        return int(getattr(commands, options.command)(options))
    except BrokenPipeError:  # head(1) has seen enough
        sys.stdout = None  # so that nothing is flushed into it at exit
        return 0
    except ConfigError as error:
        print(f"driftline-agent: {error}", file=sys.stderr)  # noqa: T201  # the command line's answer
        return 2
    except (AgentError, OSError) as error:
        print(f"driftline-agent: {error}", file=sys.stderr)  # noqa: T201  # the command line's answer
        return 1
    except KeyboardInterrupt:
        return 130


def entry() -> NoReturn:
    """Run one command and end the process, without taking all that it made apart, which takes as long as a topic."""
    code = 1
    try:
        code = main()
    except SystemExit as wrong:  # argparse's
        code = wrong.code if isinstance(wrong.code, int) else 1
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:  # nobody reads it any more
            code = code or 1
    os._exit(code)


if __name__ == "__main__":
    entry()
