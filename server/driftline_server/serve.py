"""Runs the app in uvicorn until SIGTERM or SIGINT, and says where it listens once it does."""

import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn

from driftline_cmdb.database import Database, migrate
from driftline_server import web
from driftline_server.app import create_app
from driftline_server.errors import SettingsError
from driftline_server.notifications.channels import load
from driftline_server.notifications.loop import Notifier
from driftline_server.settings import Settings

#: s that requests under way have to end.
GRACE_S = 5

_log = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """Announces itself when it listens, and ends with exit code 0 on a signal (uvicorn would die of it)."""

    def __init__(self, config: uvicorn.Config, announcement: Path, url: str) -> None:
        super().__init__(config)
        self._announcement = announcement
        self._url = url

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            partial = self._announcement.with_suffix(".partial")
            host, port = urlsplit(self._url).hostname, urlsplit(self._url).port
            partial.write_text(json.dumps({"url": self._url, "host": host, "port": port, "pid": os.getpid()}) + "\n")
            partial.replace(self._announcement)
            sys.stdout.write(f"server ready at {self._url}\n")
            sys.stdout.flush()


def serve(settings: Settings) -> int:
    """Serve until a signal; return the exit code.

    Brings the database to this version first. Writes where it listens to `server.json` in the data directory.

    :raises SettingsError: where it cannot listen there, or the certificate or the channels cannot be used.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    settings.data.mkdir(parents=True, exist_ok=True)
    migrate(settings.database_url)
    if not (web.STATIC / "vendor" / "tabler.css").exists():
        _log.warning("the pages have no style: their assets are not built, see docs/dev/assets.md")
    channels = load(settings.channels)
    config = uvicorn.Config(
        create_app(settings),
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    try:
        config.load()
    except OSError as error:  # ssl's errors are OSErrors
        raise SettingsError(f"--tls-cert {settings.tls_cert}, --tls-key {settings.tls_key}: {error}") from error
    listening = _listen(settings)
    host, port = listening.getsockname()[:2]
    url = f"{'https' if settings.https else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
    where = settings.data / "server.json"
    database = Database(settings.database_url)
    notifier = Notifier(database, channels, f"{socket.gethostname()}:{listening.getsockname()[1]}")
    notifier.start()
    try:
        _Server(config, where, url).run(sockets=[listening])
    finally:
        notifier.stop()
        database.close()
        where.unlink(missing_ok=True)
        listening.close()
    return 0


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        where = f"{settings.host}:{settings.port}"
        raise SettingsError(f"--listen: cannot listen at {where}: {error.strerror}; name another") from error
    return listening
