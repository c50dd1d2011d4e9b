"""The arguments of ``driftline-agent devices``, apart from what the commands need, which is much."""

import argparse
from pathlib import Path


def add(parser: argparse.ArgumentParser) -> None:
    """Add the commands and their arguments to ``devices``."""
    commands = parser.add_subparsers(dest="devices_command", required=True, metavar="COMMAND", prog=parser.prog)
    check = commands.add_parser("check", help="say what is wrong with the file of devices, and try its credentials")
    read = commands.add_parser("read", help="read a device once and print its facts; reports nothing")
    read.add_argument("--topic", action="append", metavar="NAME", help="only this topic; may be repeated")
    form = read.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON")
    form.add_argument("--flat", action="store_true", help="one attribute a line: path, tab, value")
    record = commands.add_parser("record", help="print all that a device answers, as a recording for snmpsim")
    for command in (read, record):
        command.add_argument("address", metavar="ADDRESS", help="the device's IP address")
        command.add_argument("--port", type=int, help="default: as the file says, else 161")
        command.add_argument("--context", metavar="NAME", help="contextName of SNMPv3")
        how = command.add_mutually_exclusive_group()
        how.add_argument("--credential", metavar="NAME", help="of the file; by default those of the device's entry")
        how.add_argument("--community-env", metavar="VARIABLE", help="environment variable with a community; no file")
        command.add_argument("--v1", action="store_true", help="SNMPv1, with --community-env")
    for command in (check, read, record):
        command.add_argument("--config", type=Path, metavar="FILE", help="default: /etc/driftline/agent.toml if there")
        command.add_argument(
            "--devices", type=Path, metavar="FILE", help="file of devices; default: the setting devices"
        )
