"""Secrets from every source that the file may name; what goes wrong is said without them."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import vault as vaults
from tests.support.vault import Vault

from driftline_agent.devices.settings import following
from driftline_agent.devices.settings.errors import SourceUnreachable
from driftline_agent.devices.settings.reading_config import read
from driftline_agent.devices.settings.secrets import FAILED_S, KEPT_IN_NEED_S, KEPT_S, SecretError, Secrets
from driftline_agent.devices.snmp.credentials import Auth, Community, Privacy, User

SECRET = "gr8-s3cret"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def secrets(credential: str, more: str = "", clock: Clock | None = None) -> Secrets:
    text = f"site: a\ncredentials:\n  c: {{{credential}, prefixes: [10.0.0.0/8]}}\n{more}\n"
    return Secrets(read(text, "d.yaml"), clock or Clock())


def community(reference: str, more: str = "") -> str:
    found = secrets(f"version: 2c, community: {reference}", more).credential("c")
    assert isinstance(found, Community)
    return found.community


def refusal(reference: str, more: str = "") -> str:
    with pytest.raises(SecretError) as caught:
        community(reference, more)
    error: BaseException | None = caught.value
    assert str(error).startswith("credential c: community: ")
    while error is not None:
        assert SECRET not in str(error)
        error = error.__cause__
    return str(caught.value)


def test_every_version_of_snmp() -> None:
    assert secrets(f"version: 1, community: {SECRET}").credential("c") == Community(1, SECRET)
    assert secrets(f"version: 2c, community: {SECRET}").credential("c") == Community(2, SECRET)
    assert secrets("version: 3, user: u").credential("c") == User("u")
    for auth in Auth:
        for privacy in Privacy:
            text = f"version: 3, user: u, auth: {auth}, auth_passphrase: {SECRET}"
            assert secrets(text).credential("c") == User("u", auth, SECRET)
            found = secrets(f"{text}, privacy: {privacy}, privacy_passphrase: {SECRET}2")
            assert found.credential("c") == User("u", auth, SECRET, privacy, SECRET + "2")
            assert SECRET not in repr(found) + repr(vars(found)["_config"]) + repr(found.credential("c"))


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTLINE_TEST_SECRET", SECRET)
    assert community("{env: DRIFTLINE_TEST_SECRET}") == SECRET
    assert "environment variable NOT_THERE: is not set" in refusal("{env: NOT_THERE}")


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "community"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o600)
    assert community(f"{{file: {path}}}") == SECRET
    path.chmod(0o644)
    assert f"{path}: has mode 0644 and may hold secrets" in refusal(f"{{file: {path}}}")
    path.chmod(0o600)
    for content, why in ((f"{SECRET}\n{SECRET}", "more than one line"), ("\n", "is empty")):
        path.write_text(content)
        assert why in refusal(f"{{file: {path}}}")
    path.write_bytes(SECRET.encode() + b"\xff")
    assert "is not UTF-8" in refusal(f"{{file: {path}}}")
    assert "no such file or directory" in refusal(f"{{file: {tmp_path}/missing}}")


def program(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return path


def running(group: str) -> list[str]:
    """Return the processes of a group that are no zombies, as /proc tells them."""
    out = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if words[2] == group and words[0] != "Z":
            out.append(path.parent.name)
    return out


def test_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program(tmp_path, 'printf "%s\\nsecond line\\n" "$1"')
    assert community(f"{{command: [{path}, '$HOME; {SECRET}']}}") == f"$HOME; {SECRET}", "there is no shell"
    path = program(tmp_path, f"echo {SECRET}; echo {SECRET} >&2; exit 3")
    assert f"command {path}: ended with status 3; run it" in refusal(f"{{command: [{path}, {SECRET}]}}")
    assert "cannot be started: no such file" in refusal(f"{{command: [{tmp_path}/none, {SECRET}]}}")
    path = program(tmp_path, f"yes {SECRET}")
    assert "prints more than 64 KiB" in refusal(f"{{command: [{path}]}}")
    monkeypatch.setattr(following, "COMMAND_S", 0.3)
    for text in (f"echo {SECRET}; exec sleep 600", "exec >&-; sleep 600", "sleep 600 & exit 0"):
        path = program(tmp_path, f"echo $$ > {tmp_path}/pid\n{text}")
        assert "did not end within 0.3 s" in refusal(f"{{command: [{path}]}}")
        group = (tmp_path / "pid").read_text().strip()
        deadline = time.monotonic() + 30
        while running(group):  # the kernel takes its time
            assert time.monotonic() < deadline, "something of it is left"
            time.sleep(0.01)


def test_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert "systemd gave none; add LoadCredential=core:/PATH" in refusal("{systemd: core}")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert "no such file or directory; add LoadCredential=" in refusal("{systemd: core}")
    (tmp_path / "core").write_text(SECRET)
    (tmp_path / "core").chmod(0o440)  # as systemd leaves it, with an access control list
    assert community("{systemd: core}") == SECRET


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    with vaults.serve(tmp_path) as running:
        running.tokens.add("hvs.right")
        running.secrets["", "secret/data/net/core"] = {"auth": SECRET, "priv": SECRET + "2", "number": 7}
        running.secrets["", "kv/net/core"] = {"auth": SECRET + "1"}
        running.secrets["ops/fra", "secret/data/net/core"] = {"auth": SECRET + "ns"}
        yield running


def entry(vault: Vault, more: str = "token: hvs.right") -> str:
    return f'vault: {{address: "{vault.address}", ca_file: {vault.ca_file}, {more}}}'


KEY = "{vault: {path: net/core, key: auth}}"


def test_vault_of_both_versions_and_namespaces(vault: Vault) -> None:
    assert community(KEY, entry(vault)) == SECRET
    assert community(KEY, entry(vault, "token: hvs.right, kv: 1, mount: kv")) == SECRET + "1"
    assert community(KEY, entry(vault, "token: hvs.right, namespace: ops/fra")) == SECRET + "ns"


def test_two_keys_of_one_secret_are_one_question(vault: Vault) -> None:
    passphrase = "{vault: {path: net/core, key: %s}}"
    credential = f"version: 3, user: u, auth: SHA, auth_passphrase: {passphrase % 'auth'}, "
    credential += f"privacy: AES, privacy_passphrase: {passphrase % 'priv'}"
    found = secrets(credential, entry(vault)).credential("c")
    assert found == User("u", Auth.SHA1, SECRET, Privacy.AES128, SECRET + "2")
    assert vault.asked == ["secret/data/net/core"]


def test_vault_by_approle(vault: Vault) -> None:
    vault.roles["role"] = "secret-id"
    clock = Clock()
    asked = secrets(
        f"version: 2c, community: {KEY}", entry(vault, "app_role: {role_id: role, secret_id: secret-id}"), clock
    )
    asked.credential("c")
    clock.now += KEPT_S
    asked.credential("c")
    read_, login = "secret/data/net/core", "auth/approle/login"
    assert vault.asked == [login, read_, read_], "its token is kept"
    vault.tokens.clear()
    asked.forget("c")
    asked.credential("c")
    assert vault.asked[3:] == [read_, login, read_], "one that was revoked is asked for anew"
    clock.now += 3600
    asked.credential("c")
    assert vault.asked[6:] == [login, read_], "and one that has ended"
    wrong = refusal(KEY, entry(vault, f"app_role: {{role_id: role, secret_id: {SECRET}, mount: approle}}"))
    assert "vault auth/approle/login: the request is not understood; look at mount, kv, and the AppRole's" in wrong


def test_what_vault_refuses(vault: Vault) -> None:
    assert "permission denied; the token has ended" in refusal(KEY, entry(vault, f"token: {SECRET}"))
    assert "what Vault has" in refusal(KEY, entry(vault, f'token: "{SECRET}\\nx"'))
    assert "there is no such secret" in refusal("{vault: {path: net/other, key: auth}}", entry(vault))
    assert "the secret has no such key" in refusal("{vault: {path: net/core, key: community}}", entry(vault))
    assert "is not a text" in refusal("{vault: {path: net/core, key: number}}", entry(vault))
    wrong = f'vault: {{address: "{vault.address}", token: {SECRET}}}'
    assert "its certificate is not trusted" in refusal(KEY, wrong)
    assert "ca_file /nowhere: no such file" in refusal(KEY, wrong.replace("token", "ca_file: /nowhere, token"))
    for status, words in ((503, "sealed"), (429, "does not serve now"), (418, "refused")):
        vault.status = status
        assert words in refusal(KEY, entry(vault))


def test_a_token_goes_nowhere_else(vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other").mkdir()
    with vaults.serve(tmp_path / "other") as other:
        vault.status, vault.location = 307, f"{other.address}/v1/secret/data/net/core"
        assert "sends on to another address (307)" in refusal(KEY, entry(vault))
        assert other.asked == []
        vault.status = 0
        monkeypatch.setenv("https_proxy", other.address)
        assert community(KEY, entry(vault)) == SECRET
        assert other.asked == []


def test_what_is_known_is_kept_for_a_while_and_forgotten_when_asked(tmp_path: Path) -> None:
    path, clock = tmp_path / "c", Clock()
    path.touch(0o600)
    path.write_text("first")
    asked = secrets(f"version: 2c, community: {{file: {path}}}", clock=clock)
    assert asked.credential("c") == Community(2, "first")
    path.write_text("second")
    clock.now += KEPT_S - 1
    assert asked.credential("c") == Community(2, "first")
    asked.forget("c")
    assert asked.credential("c") == Community(2, "second")
    path.write_text("third")
    clock.now += KEPT_S
    assert asked.credential("c") == Community(2, "third")
    path.unlink()
    clock.now += KEPT_S
    with pytest.raises(SecretError, match="no such file"):
        asked.credential("c")
    path.touch(0o600)
    path.write_text("fourth")
    with pytest.raises(SecretError, match="no such file"):  # not asked again so soon
        asked.credential("c")
    clock.now += FAILED_S
    assert asked.credential("c") == Community(2, "fourth")
    asked.forget("unknown")
    with pytest.raises(SecretError, match='there is no credential "d"; there are c'):
        asked.credential("d")


def test_a_source_that_is_away_for_a_while_stops_nothing(vault: Vault) -> None:
    clock = Clock()
    asked = secrets(f"version: 2c, community: {KEY}", entry(vault), clock)
    known = asked.credential("c")
    vault.status = 503
    clock.now += KEPT_IN_NEED_S - 1
    assert asked.credential("c") == known
    clock.now += 1
    with pytest.raises(SourceUnreachable, match="sealed"):
        asked.credential("c")
    clock.now += FAILED_S
    vault.status = 0
    assert asked.credential("c") == known
    vault.tokens.clear()
    clock.now += KEPT_S
    with pytest.raises(SecretError, match="permission denied"):  # who says no is obeyed at once
        asked.credential("c")


def test_threads_ask_once(vault: Vault) -> None:
    asked = secrets(f"version: 2c, community: {KEY}", entry(vault))
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(asked.credential("c"))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [Community(2, SECRET)] * 20
    assert len(vault.asked) == 1


def test_a_followed_passphrase_that_is_too_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTLINE_TEST_SECRET", "short")
    with pytest.raises(
        SecretError, match="credential c: user u: an authentication passphrase has at least 8"
    ) as caught:
        secrets("version: 3, user: u, auth: SHA, auth_passphrase: {env: DRIFTLINE_TEST_SECRET}").credential("c")
    assert '"short"' not in str(caught.value)
