"""Accounts: password ageing, administrators of groups, keys in homes; by the reader, as it runs, and without it."""

import os
import subprocess
from pathlib import Path

import pytest
from tests.agent.test_reader import Start, put, raw, start  # noqa: F401  # a fixture

from driftline.v1.facts_pb2 import AuthorizedKey, User
from driftline_agent.host import Host
from driftline_agent.outputs import chage, group, passwd
from driftline_agent.reader import ageing, homes, public_keys, sshd
from driftline_agent.reader.protocol import AGEING, CRONTAB, GROUPS, KEYS, REFUSED
from driftline_agent.topic import Reading, all_topics
from driftline_agent.topics import authorized_keys, users

# A public key's form; nobody has a private one to it.
ED25519 = "AAAAC3NzaC1lZDI1NTE5AAAAIF0yDJLFGQEm4hNpJlrkMRu0cKMz3fYCaNfbYlM0vOqk"
SHADOW = """\
root:$y$j9T$abc$def:19000:0:99999:7:::
old:$1$abc$def:0:1:90:14:30:20000:
des:ab1234567890.:::::::
locked:!$6$abc$def:19001:0:99999:7:::
none::::::::
odd:*:-1:x:99999999999:7:::
"""


def test_ageing_has_no_hash() -> None:
    told = ageing.users(SHADOW.encode())
    assert b"abc" not in told and b"def" not in told and b"ab1234567890" not in told and b"$" not in told
    assert told.decode().splitlines()[0] == "root:yescrypt:19000:0:99999:7::"


def test_ageing_of_users() -> None:
    text = "".join(f"{name}:x:1:1::/:/bin/sh\n" for name in ("root", "old", "des", "locked", "none", "odd", "missing"))
    found = users.parse_passwd(text, users.clear(users.parse_shadow(SHADOW)))
    users.add_ageing(found, ageing.users(SHADOW.encode()))
    by_name = {user.name: user for user in found}
    for user in found:
        user.ClearField("password")
    old = by_name["old"]
    assert old == User(
        name="old", uid=1, gid=1, home="/", shell="/bin/sh", password_status="set", password_method="md5",
        password_must_change=True, password_min_days=1, password_max_days=90, password_warn_days=14,
        password_inactive_days=30, expires_on="2024-10-04",
    )  # fmt: skip
    assert by_name["root"].password_changed_on == "2022-01-08" and not by_name["root"].HasField("password_must_change")
    assert by_name["des"].password_method == "des" and by_name["locked"].password_method == "sha512"
    assert not by_name["odd"].HasField("password_max_days") and by_name["odd"].password_changed_on == ""
    assert by_name["missing"].password_method == ""


def test_the_reader_tells_what_is_no_secret(start: Start, tmp_path: Path) -> None:  # noqa: F811  # a fixture
    put(tmp_path, "etc/shadow", SHADOW)
    put(tmp_path, "etc/gshadow", "wheel:!$6$x$hash:boss,chief:a,b\nopen:$6$x$hash::\nbroken\n")
    reader = start()
    assert reader.ask(AGEING, "/etc/shadow") == ageing.users(SHADOW.encode())
    assert reader.ask(GROUPS, "/etc/gshadow") == b"wheel:locked:boss,chief\nopen:set:\n"
    for operation, path in ((AGEING, "/etc/gshadow"), (GROUPS, "/etc/shadow"), (KEYS, "/etc/shadow")):
        assert raw(reader, operation, path) == (REFUSED, b"")
    assert raw(reader, CRONTAB, "/etc/shadow") == (REFUSED, b"")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A host with one user and a key."""
    put(tmp_path, "etc/passwd", "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/bash\n")
    lines = [
        "# ssh keys",
        f"ssh-ed25519 {ED25519} alice@laptop",
        "BEGIN OPENSSH PRIVATE KEY and other things that are no key",
        'from="10.0.0.0/8,!10.1.0.0/16",command="backup --password hunter2",no-pty,environment="T=s3cret" ssh-ed25519 '
        f"{ED25519[:-4]}vOql",
    ]  # fmt: skip
    put(tmp_path, "home/alice/.ssh/authorized_keys", "\n".join(lines) + "\n")
    return tmp_path / "root"


def keys_of(root: Path) -> tuple[list[AuthorizedKey], dict[str, str]]:
    reading = all_topics()["authorized_keys"].collect(Host(str(root)))
    return list(reading.facts.accounts.authorized_keys), reading.unreadable


def test_keys_in_homes(home: Path) -> None:
    found, unreadable = keys_of(home)
    assert not unreadable
    plain = next(key for key in found if key.comment == "alice@laptop")
    assert plain == AuthorizedKey(
        user="alice", fingerprint="SHA256:" + plain.fingerprint[7:], file="/home/alice/.ssh/authorized_keys",
        type="ssh-ed25519", bits=256, comment="alice@laptop",
    )  # fmt: skip
    other = next(key for key in found if key != plain)
    assert sorted(other.options) == [
        'command="backup --password [redacted]"', 'environment="T=[redacted]"', 'from="10.0.0.0/8,!10.1.0.0/16"',
        "no-pty",
    ]  # fmt: skip


def test_the_reader_finds_the_same_keys(start: Start, home: Path) -> None:  # noqa: F811  # a fixture
    content = start().ask(KEYS, "/etc/passwd")
    assert content is not None and b"hunter2" not in content and b"PRIVATE" not in content
    reading = Reading()
    authorized_keys.build(homes.unpack(content), reading)
    assert list(reading.facts.accounts.authorized_keys) == keys_of(home)[0]


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_fingerprints_are_those_of_ssh_keygen(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "a comment", "-f", str(file)], check=True)
    shown = subprocess.run(["ssh-keygen", "-l", "-f", f"{file}.pub"], capture_output=True, text=True, check=True)
    bits, fingerprint, *comment = shown.stdout.split()
    (key,) = public_keys.parse((tmp_path / "key.pub").read_text())
    assert (str(key.bits), key.fingerprint, key.comment.split()) == (bits, fingerprint, comment[:-1])


def test_a_link_that_a_user_planted_is_not_followed(home: Path, tmp_path: Path) -> None:
    secret = put(tmp_path, "root/.ssh/authorized_keys", f"ssh-ed25519 {ED25519} root\n")
    theirs = home / "home/alice/.ssh/authorized_keys"
    theirs.unlink()
    theirs.symlink_to("/root/.ssh/authorized_keys")
    os.chown(theirs, 1000, 1000, follow_symlinks=False) if os.getuid() == 0 else None
    (home / "home/alice/.ssh").chmod(0o777)
    found, unreadable = keys_of(home)
    assert [key.user for key in found] == ["root"] and secret.exists()
    assert unreadable == {"accounts.authorized_keys[alice/*]": "/home/alice/.ssh/authorized_keys: a link on the way"}


def test_a_link_of_roots_on_the_way_is_followed(home: Path) -> None:
    (home / "srv").mkdir()
    (home / "home").rename(home / "srv/home")
    (home / "home").symlink_to("srv/home")
    assert len(keys_of(home)[0]) == 2
    (home / "home").unlink()
    (home / "home").symlink_to("/srv/../srv/home")
    assert len(keys_of(home)[0]) == 2


def test_a_fifo_does_not_block(home: Path) -> None:
    file = home / "home/alice/.ssh/authorized_keys"
    file.unlink()
    os.mkfifo(file)
    found, unreadable = keys_of(home)
    assert not found and list(unreadable) == ["accounts.authorized_keys[alice/*]"]


def test_a_home_on_another_machine_is_not_looked_at(home: Path, tmp_path: Path) -> None:
    mounts = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n40 22 0:40 / /home/alice rw - nfs4 server:/home/alice rw\n"
    put(tmp_path, "proc/self/mountinfo", mounts)
    found, unreadable = keys_of(home)
    assert not found
    assert unreadable == {"accounts.authorized_keys[alice/*]": "/home/alice/.ssh/authorized_keys: on another machine"}


def test_where_keys_are_is_what_sshd_config_says(home: Path, tmp_path: Path) -> None:
    put(tmp_path, "etc/ssh/sshd_config", "AuthorizedKeysFile /etc/ssh/keys/%u .ssh/%%%U\nMatch User bob\n")
    put(tmp_path, "etc/ssh/keys/alice", f'cert-authority,principals="a,b" ssh-ed25519 {ED25519} ca\n')
    put(tmp_path, "home/alice/.ssh/%1000", f"ssh-ed25519 {ED25519} again\n")
    found, _ = keys_of(home)
    assert {(key.file, key.comment) for key in found} == {
        ("/etc/ssh/keys/alice", "ca"), ("/home/alice/.ssh/%1000", "again"),
    }  # fmt: skip
    assert list(next(key for key in found if key.comment == "ca").options) == ["cert-authority", 'principals="a,b"']


def test_key_files_of_match_blocks_count_too() -> None:
    settings = [("User git", "authorizedkeysfile", ["/srv/git/keys"]), ("", "port", ["22"])]
    assert sshd.key_files(settings) == [".ssh/authorized_keys", ".ssh/authorized_keys2", "/srv/git/keys"]
    assert sshd.key_files([("", "authorizedkeysfile", ["none"])]) == []


def test_recorded_accounts() -> None:
    facts = passwd.parse("a:$1$hash:1:2:A,B:/a:/bin/sh\nldap:x:70000:70000::/home/ldap:/bin/bash\n")
    assert [(user.name, user.uid, user.password) for user in facts.accounts.users] == [
        ("a", 1, ""),
        ("ldap", 70000, ""),
    ]
    assert [list(found.members) for found in group.parse("g:x:5:b,a\n").accounts.groups] == [["a", "b"]]


def test_recorded_chage() -> None:
    text = """Last password change\t\t\t\t\t: Jan 08, 2022
Password expires\t\t\t\t\t: never
Password inactive\t\t\t\t\t: never
Account expires\t\t\t\t\t\t: Oct 04, 2024
Minimum number of days between password change\t\t: 0
Maximum number of days between password change\t\t: 99999
Number of days of warning before password expires\t: 7
"""
    (user,) = chage.parse(text).accounts.users
    assert (user.password_changed_on, user.expires_on) == ("2022-01-08", "2024-10-04")
    assert (user.password_min_days, user.password_max_days, user.password_warn_days) == (0, 99999, 7)
