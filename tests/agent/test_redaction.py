"""Texts without secrets: no marked secret of the corpus comes out in any form, ordinary configuration stays whole."""

import base64
import contextlib
import hashlib
import os
import random
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from driftline_agent.redaction.text import WithheldError, redact

CORPUS = Path(__file__).parents[1] / "fixtures/secrets"


def marked() -> dict[str, list[str]]:
    """Return the corpus' secrets by file."""
    out: dict[str, list[str]] = {}
    for line in (CORPUS / "SECRETS.tsv").read_text().splitlines():
        file, secret = line.split("\t", 1)
        out.setdefault(file, []).append(secret)
    return out


def seal(text: str) -> str:
    return hashlib.sha256(b"key" + text.encode()).hexdigest()


def clean(text: str, path: str = "/etc/app.conf") -> str:
    return redact(path, text, seal).text


def forms(secret: str) -> set[str]:
    data = secret.encode()
    plain = base64.b64encode(data).decode()
    return {secret, plain, plain.rstrip("="), data.hex(), data.hex().upper(), quote(secret, safe="")}


SECRETS = marked()


@pytest.mark.parametrize("file", SECRETS)
def test_no_secret_of_the_corpus_comes_out(file: str) -> None:
    text = (CORPUS / file).read_text()
    assert all(secret in text for secret in SECRETS[file])  # the corpus marks what is there
    try:
        out = clean(text, f"/etc/{file}")
    except WithheldError as error:
        assert str(error)
        return
    assert [(secret, form) for secret in SECRETS[file] for form in forms(secret) if form in out] == []


def test_the_corpus_is_large_and_most_of_it_has_a_text() -> None:
    assert len(SECRETS) > 150 and sum(map(len, SECRETS.values())) > 500
    withheld = 0
    for file in SECRETS:
        try:
            clean((CORPUS / file).read_text(), f"/etc/{file}")
        except WithheldError:
            withheld += 1
    assert withheld <= 5


def test_secrets_that_are_spread_over_a_file_go_everywhere() -> None:
    secret = "Kx7!marble-42"
    encoded = base64.b64encode(secret.encode()).decode()
    text = f"password = {secret}\n# see {secret}\nblob: {encoded}\nhex {secret.encode().hex()}\nurl {quote(secret)}\n"
    out = clean(text)
    assert not any(form in out for form in forms(secret))
    assert len(set(out.replace("password = ", "# see ").splitlines()[:2])) == 1  # one secret, one mark


def test_a_mark_changes_with_the_secret_and_with_the_key_only() -> None:
    one, two = clean("password = first-1\n"), clean("password = second-2\n")
    assert one != two and clean("password = first-1\n") == one
    other = redact("/etc/app.conf", "password = first-1\n", lambda text: hashlib.sha256(text.encode()).hexdigest())
    assert other.text != one and other.count == 1


def test_nobody_can_write_a_mark_of_driftlines() -> None:
    assert clean("a = [redacted:0badcafe]\n") == "a = [redacted]\n"


@pytest.mark.parametrize(
    "line",
    [
        "PasswordAuthentication yes",
        "PASS_MAX_DAYS\t99999",
        "password\t[success=1 default=ignore]\tpam_unix.so obscure use_authtok try_first_pass yescrypt",
        "auth    required   pam_env.so",
        "passwd:         files systemd",
        "shadow: files",
        "%sudo ALL=(ALL) NOPASSWD: ALL",
        "ssl_certificate_key /etc/ssl/private/www.key;",
        "smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd",
        "proxy_pass http://127.0.0.1:8080/;",
        "  password: ${DB_PASSWORD}",
        "kpasswd 464/tcp",
        "password_encryption = scram-sha-256",
        "UUID=5f3c6d0a-6d3b-4b76-9a51-5d2f1ad0b7a1 / ext4 errors=remount-ro 0 1",
        "AuthorizedKeysFile .ssh/authorized_keys .ssh/authorized_keys2",
        "key-mgmt=wpa-psk",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl anna",
        "DefaultTimeoutStartSec=90s",
        "# The password of the database is in /etc/app/secret.",
        "net.ipv4.conf.all.accept_redirects = 0",
    ],
)
def test_ordinary_lines_stay(line: str) -> None:
    assert clean(line + "\n") == line + "\n"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/etc/shadow", "root:x\n"),
        ("/etc/ssl/private/a.pem", "x\n"),
        ("/etc/app/server.key", "x\n"),
        ("/etc/app/keystore.jks", "x\n"),
        ("/etc/app.conf", "a\0b"),
        ("/etc/app.conf", "PASSWORD=$(cat <<EOF\nnever ends\n"),
        ("/etc/app.xml", "<a><password>never ends\n</a"),
        ("/etc/app.py", 'password = """never ends\n'),
    ],
)
def test_what_cannot_be_delimited_has_no_text(path: str, text: str) -> None:
    if path == "/etc/app.xml":
        text = text.rpartition("</a")[0]
    with pytest.raises(WithheldError, match=r"\w"):
        clean(text, path)


def test_a_certificate_stays_and_the_key_beside_it_goes() -> None:
    text = (CORPUS / "misc/server.pem").read_text()
    out = clean(text, "/etc/app/server.pem")
    assert "BEGIN CERTIFICATE" in out and "MIIBszCCAVmg" in out and "BEGIN EC PRIVATE KEY" in out
    assert len(out.splitlines()) < 8


def test_this_hosts_configuration_keeps_nearly_all_its_lines() -> None:
    lines = hit = 0
    for folder, _, names in os.walk("/etc"):
        for name in names:
            path = Path(folder, name)
            try:
                if path.is_symlink() or not path.is_file() or path.stat().st_size > 65536:
                    continue
                text = path.read_text()
                out = clean(text, str(path))
            except (OSError, UnicodeDecodeError, WithheldError):
                continue
            lines += len(text.splitlines())
            hit += sum("[redacted:" in line for line in out.splitlines())
            hit += len(text.splitlines()) - len(out.splitlines())
    assert lines > 1000
    assert hit / lines < 0.02, f"{hit} of {lines} lines"


def test_hostile_texts_end_soon() -> None:
    pieces = [
        "password ",
        "[",
        "a=b;",
        "<password>",
        "password: |\n",
        " ",
        "\t",
        "\n",
        "=",
        '"',
        'password="',
        "a:b@",
        "a.",
    ]
    pieces += [
        "password: [\n",
        "echo ",
        "mysql ",
        "x-",
        "A" * 64 + "\n",
        "name: password\n",
        "kind: Secret\ndata:\n",
        "(((",
    ]
    rng = random.Random(7)
    pieces += ["".join(rng.choice("password=:\"'\\ \n{}[]<>/#-@$0aA,;") for _ in range(65536)) for _ in range(3)]
    for piece in pieces:
        started = time.process_time()
        text = (piece * (65536 // len(piece) + 1))[:65536]
        with contextlib.suppress(WithheldError):
            clean(text)
        assert time.process_time() - started < 20, piece[:20]  # seconds where a square would take minutes
