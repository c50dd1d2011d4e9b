"""`driftline-server` as a process."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.server.seed import PASSWORD

from driftline_server.settings import Settings, SettingsError, parse_listen


def command(*words: str) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "driftline_server.main", *words]


def run(*words: str, stdin: str = "", code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command(*words), input=stdin, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_run(tmp_path: Path, tls: bool) -> None:
    database = f"sqlite:///{tmp_path / 'driftline.db'}"
    run("person", "add", "admin", "--role", "admin", "--password-stdin", "--database", database, stdin=f"{PASSWORD}\n")
    made = run("person", "add", "jane", "--role", "viewer", "--role", "operator", "--database", database).stdout.strip()
    assert len(made) == 27
    again = run("person", "add", "jane", "--role", "viewer", "--database", database, code=1)
    assert 'there is a person "jane" already' in again.stderr
    token = run("token", "jane", "--database", database).stdout.strip()
    assert token.startswith("dlt_")
    assert 'no person "joe"' in run("token", "joe", "--database", database, code=1).stderr
    words = ["run", "--database", database, "--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0"]
    if tls:
        subprocess.run(
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-days", "1", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1",
                "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem",
            ],
            check=True,
            capture_output=True,
        )  # fmt: skip
        words += ["--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem")]
    where = tmp_path / "data" / "server.json"
    with subprocess.Popen(command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            url = _wait_for(where, process)
            assert url.startswith("https://127.0.0.1:" if tls else "http://127.0.0.1:") and not url.endswith(":0")
            _check_served(url, token, _trusting(tmp_path / "cert.pem") if tls else True, tls)
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()
        assert process.returncode == 0, err
        assert out == f"server ready at {url}\n"
    assert not where.exists()


def _wait_for(where: Path, process: subprocess.Popen[str]) -> str:
    until = time.monotonic() + 30
    while not where.exists():
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.05)
    return str(json.loads(where.read_text())["url"])


def _check_served(url: str, token: str, verify: Any, tls: bool) -> None:
    with httpx.Client(base_url=url, verify=verify) as client:
        assert client.get("/api/v1/health").json() == {"status": "ok"}
        me = client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).json()
        assert me == {"name": "jane", "roles": ["viewer", "operator"]}
        page = client.get("/login")
        assert ("Secure" in page.headers["set-cookie"]) == tls
        assert ("strict-transport-security" in page.headers) == tls


def _trusting(path: Path) -> object:
    import ssl

    return ssl.create_default_context(cafile=path)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--listen", "8080"], "is not HOST:PORT"),
        (["--listen", "localhost:http"], "is not HOST:PORT"),
        (["--listen", "localhost:70000"], "is not HOST:PORT"),
        (["--tls-cert", "x.pem"], "belong together"),
        (["--listen", "127.0.0.1:0", "--tls-cert", "/no.pem", "--tls-key", "/no.pem"], "/no.pem"),
        (["--listen", "192.0.2.1:0"], "cannot listen at 192.0.2.1:0"),
    ],
)
def test_bad_settings(tmp_path: Path, words: list[str], message: str) -> None:
    done = run("run", "--database", f"sqlite:///{tmp_path}/x.db", "--data", str(tmp_path), *words, code=1)
    assert message in done.stderr and "Traceback" not in done.stderr


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run(
            "run", "--database", f"sqlite:///{tmp_path}/x.db", "--data", str(tmp_path), "--listen", listen, code=1
        )
    assert listen in done.stderr and "Traceback" not in done.stderr


def test_listen() -> None:
    assert parse_listen("[::1]:80") == ("::1", 80)
    assert parse_listen("0.0.0.0:0") == ("0.0.0.0", 0)
    with pytest.raises(SettingsError):
        parse_listen(":80")


def test_half_tls() -> None:
    with pytest.raises(SettingsError):
        Settings("sqlite://", Path("/"), tls_key=Path("/key"))


def test_nothing_is_read_at_import() -> None:
    code = "import driftline_server.main, sys; sys.exit('uvicorn' in sys.modules or 'fastapi' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "DRIFTLINE_CONFIG": "/nonexistent"})
