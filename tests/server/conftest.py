"""Fixtures: real servers on free ports, over databases that were filled by real reports.

`site` is shared and only read; `own_site` belongs to one test, which may change it.
"""

import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from tests.server.seed import PASSWORD, seed

from driftline_cmdb.database import Database, migrate
from driftline_server.app import create_app
from driftline_server.settings import Settings

ROOT_CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n"


class Site:
    """A running server."""

    def __init__(self, url: str, app: FastAPI, tokens: dict[str, str], database_url: str) -> None:
        self.url = url
        self.app = app
        self.tokens = tokens
        self.database_url = database_url
        self.database: Database = app.state.database
        self._clients: list[httpx.Client] = []

    def api(self, name: str | None) -> httpx.Client:
        """Return a client of the API with this person's token; None has no token."""
        headers = {"Authorization": f"Bearer {self.tokens[name]}"} if name else {}
        return self._kept(httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=30))

    def stranger(self) -> httpx.Client:
        """Return a browser that is not logged in."""
        return self._kept(httpx.Client(base_url=self.url, timeout=30))

    def browser(self, name: str) -> httpx.Client:
        """Return a browser that is logged in."""
        client = self.stranger()
        answer = log_in(client, name, PASSWORD)
        assert answer.status_code == 303, answer.text
        return client

    def _kept(self, client: httpx.Client) -> httpx.Client:
        self._clients.append(client)
        return client

    @property
    def opened(self) -> int:
        """How many clients are open."""
        return len(self._clients)

    def close(self, since: int = 0) -> None:
        """Close all clients, or those opened since there were so many."""
        for client in self._clients[since:]:
            client.close()
        del self._clients[since:]


@pytest.fixture(autouse=True)
def _clients_end_with_their_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """Close what a test opened at the shared site: hundreds of tests would run out of descriptors."""
    if "site" not in request.fixturenames:
        yield
        return
    shared: Site = request.getfixturevalue("site")
    before = shared.opened
    yield
    shared.close(before)


def log_in(client: httpx.Client, name: str, password: str, **more: str) -> httpx.Response:
    """Send the login form."""
    page = client.get("/login").text
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token
    return client.post("/login", data={"name": name, "password": password, "token": token[1], **more})


def csrf_of(client: httpx.Client, path: str = "/tokens") -> str:
    """Return the session's CSRF token, as a form carries it."""
    found = re.search(r'name="csrf" value="([^"]+)"', client.get(path).text)
    assert found
    return found[1]


@contextmanager
def serve(settings: Settings, tokens: dict[str, str]) -> Iterator[Site]:
    """Run a server in a thread."""
    app = create_app(settings)
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", server_header=False)
    server = uvicorn.Server(config)
    listening = config.bind_socket()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        until = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive() and time.monotonic() < until
            time.sleep(0.01)
        site = Site(f"http://127.0.0.1:{listening.getsockname()[1]}", app, tokens, settings.database_url)
        try:
            yield site
        finally:
            site.close()
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()


def settings_of(url: str, directory: Path) -> Settings:
    """Return settings for a test's server."""
    (directory / "root.pem").write_text(ROOT_CERTIFICATE)
    return Settings(url, directory, root_cert=directory / "root.pem")


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A filled SQLite file, and everyone's token."""
    path = tmp_path_factory.mktemp("seeded") / "driftline.db"
    migrate(f"sqlite:///{path}")
    database = Database(f"sqlite:///{path}")
    found = seed(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path, found.tokens


@pytest.fixture(scope="session")
def site(seeded: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that tests only read from."""
    path, tokens = seeded
    with serve(settings_of(f"sqlite:///{path}", tmp_path_factory.mktemp("site")), tokens) as running:
        yield running


@pytest.fixture
def own_site(seeded: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[Site]:
    """A server of this test's own."""
    path, tokens = seeded
    shutil.copy(path, tmp_path / "driftline.db")
    with serve(settings_of(f"sqlite:///{tmp_path / 'driftline.db'}", tmp_path), tokens) as running:
        yield running
