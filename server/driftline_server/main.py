"""`driftline-server`: run the server, add people, make tokens."""

import argparse
import sys
from pathlib import Path

from sqlmodel import Session

from driftline_cmdb.database import Database, migrate
from driftline_cmdb.errors import CmdbError
from driftline_cmdb.tables.people import ROLES
from driftline_server.access import passwords, people
from driftline_server.errors import ServerError
from driftline_server.settings import Settings, parse_listen
from driftline_server.times import now_ms, span_ms

#: Who the audit trail names for what is done on the machine itself.
LOCAL = "driftline-server"


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    top = argparse.ArgumentParser(prog="driftline-server", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="serve the REST API and the pages until SIGTERM")
    run.add_argument("--data", type=Path, required=True, help="directory for server.json, which says where it listens")
    run.add_argument("--listen", default="127.0.0.1:8080", metavar="HOST:PORT", help="port 0 takes a free one")
    run.add_argument("--tls-cert", type=Path, help="certificate chain, PEM")
    run.add_argument("--tls-key", type=Path, help="its key, PEM")
    run.add_argument("--root-cert", type=Path, help="the collector's root.pem: join tokens carry its fingerprint")
    run.add_argument("--channels", type=Path, help="file of the channels that notifications go to; else the log")
    person = commands.add_parser("person", help="people who may use the server")
    person_commands = person.add_subparsers(dest="person_command", required=True)
    add = person_commands.add_parser("add", help="add a person")
    add.add_argument("name")
    add.add_argument("--role", action="append", choices=ROLES, required=True, dest="roles")
    add.add_argument("--password-stdin", action="store_true", help="read it from stdin; else one is made and printed")
    token = commands.add_parser("token", help="make an API token for a person and print it")
    token.add_argument("name")
    token.add_argument("--label", default="driftline-server token", help="what to call the token")
    token.add_argument("--expires-in", default="90d", help="how long it lasts: 12h, 90d")
    for command in (run, add, token):
        command.add_argument(
            "--database", required=True, metavar="URL", help="sqlite:////path/to.db, postgresql+psycopg://"
        )
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line."""
    options = parser().parse_args(arguments)
    try:
        if options.command == "run":
            host, port = parse_listen(options.listen)
            settings = Settings(
                options.database,
                options.data,
                host,
                port,
                options.tls_cert,
                options.tls_key,
                options.root_cert,
                options.channels,
            )
            # Imported here, because the other commands need nothing of it and start faster without
            from driftline_server.serve import serve

            return serve(settings)
        migrate(options.database)
        database = Database(options.database)
        with database.write() as session:
            text = _add_person(session, options) if options.command == "person" else _token(session, options)
        database.close()
        sys.stdout.write(text)
    except (CmdbError, ServerError, OSError) as error:
        sys.stderr.write(f"driftline-server: {error}\n")
        return 1
    return 0


def _add_person(session: Session, options: argparse.Namespace) -> str:
    password = sys.stdin.readline().rstrip("\n") if options.password_stdin else passwords.generate()
    people.add(session, options.name, password, options.roles, LOCAL, now_ms())
    return "" if options.password_stdin else f"{password}\n"


def _token(session: Session, options: argparse.Namespace) -> str:
    now = now_ms()
    expires_ms = now + span_ms(options.expires_in, "--expires-in")
    person = people.find(session, options.name)
    _, secret = people.create_token(session, person, options.label, expires_ms, now, LOCAL)
    return f"{secret}\n"


if __name__ == "__main__":
    sys.exit(main())
