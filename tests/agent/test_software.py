"""Topics of software: databases, what lies beside them, owners of files, secrets in addresses, sockets of engines."""

import gzip
import json
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from driftline.facts import elements, flatten
from driftline.v1.collector_pb2 import ABSENT, READ, UNREADABLE
from driftline.v1.facts_pb2 import Package
from driftline_agent import config, ownership
from driftline_agent.choices import Choices
from driftline_agent.errors import ConfigError, UnreadableError
from driftline_agent.host import Host
from driftline_agent.inventory import Result, read_topic
from driftline_agent.packages import aptlists, berkeley, dnf, engines, headers, locks, ndb, unixhttp
from driftline_agent.packages.addresses import without_secrets
from driftline_agent.packages.times import seconds_of
from driftline_agent.topic import all_topics
from driftline_agent.topics import flatpak

CASES = Path(__file__).parent / "cases"
FIXTURES = Path(__file__).parents[1] / "fixtures/software"


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def read(name: str, host: Host) -> Result:
    return read_topic(name, all_topics()[name], host, bytes(32))


def facts_of(name: str, host: Host) -> dict[str, object]:
    result = read(name, host)
    assert result.outcome == READ and result.reading is not None, result.section.reason
    return dict(flatten(result.reading.facts))


def unpacked(case: str, root: Path) -> Host:
    shutil.copytree(CASES / case / "root", root, symlinks=True, dirs_exist_ok=True)
    for packed in root.rglob("*.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    return Host(str(root))


# rpm


@pytest.mark.parametrize("case", ["rpm/berkeley-db", "rpm/ndb", "rpm/dnf-4"])
def test_owners_of_files_of_rpm(case: str, tmp_path: Path) -> None:
    host = unpacked(case, tmp_path)
    (tmp_path / "usr/lib").mkdir(parents=True, exist_ok=True)
    (tmp_path / "lib").symlink_to("usr/lib")
    asked = ["/etc/alpha.conf", "/etc/alpha.d/x", "/etc/hosts", "/lib/systemd/system/alpha.service"]
    assert ownership.owners(host, asked) == {
        "/etc/alpha.conf": "alpha",
        "/etc/alpha.d/x": "alpha",
        "/lib/systemd/system/alpha.service": "alpha",
    }


def test_owners_of_files_of_pacman_and_apk(tmp_path: Path) -> None:
    host = unpacked("pacman/pacman-6.0", tmp_path / "a")
    asked = ["/etc/sample.d/x.conf", "/usr/lib/libsample.so.1", "/etc/hosts"]
    assert ownership.owners(host, asked) == {
        "/etc/sample.d/x.conf": "sample",
        "/usr/lib/libsample.so.1": "sample-libs",
    }
    host = unpacked("apk/alpine-3.19", tmp_path / "b")
    assert ownership.owners(host, ["/bin/sh", "/etc/inputrc", "/etc/hosts"]) == {
        "/bin/sh": "busybox-binsh",
        "/etc/inputrc": "readline",
    }


def test_owners_are_asked_again_when_the_database_changed(tmp_path: Path) -> None:
    host = unpacked("apk/alpine-3.19", tmp_path)
    assert ownership.owners(host, ["/etc/motd"]) == {}
    path = tmp_path / "lib/apk/db/installed"
    path.write_text(path.read_text() + "P:base\nV:1-r0\nF:etc\nR:motd\n\n")
    assert ownership.owners(host, ["/etc/motd"]) == {"/etc/motd": "base"}


@pytest.mark.parametrize(("case", "name"), [("rpm/berkeley-db", "Packages"), ("rpm/ndb", "Packages.db")])
def test_damaged_databases_are_unreadable_and_end(case: str, name: str, tmp_path: Path) -> None:
    host = unpacked(case, tmp_path)
    (path,) = tmp_path.rglob(name)
    whole = path.read_bytes()
    for place in range(0, len(whole), 97):
        path.write_bytes(whole[:place] + b"\xff\xff\xff\xff" + whole[place + 4 :])
        result = read("rpm", host)
        assert result.outcome in (READ, UNREADABLE) and "Error" not in result.section.reason, result.section.reason
    for end in range(0, len(whole), 331):
        path.write_bytes(whole[:end])
        result = read("rpm", host)
        assert result.outcome in (READ, UNREADABLE) and "Error" not in result.section.reason


def test_an_overflow_that_goes_in_a_circle_ends() -> None:
    page, order = 512, "little"
    meta = bytearray(page)
    meta[12:16] = (0x061561).to_bytes(4, order)
    meta[20:24] = page.to_bytes(4, order)
    meta[25] = 8
    meta[32:36] = (2).to_bytes(4, order)
    leaf = bytearray(page)
    leaf[20:22] = (2).to_bytes(2, order)
    leaf[25] = 13
    leaf[26:30] = (506).to_bytes(2, order) + (490).to_bytes(2, order)
    leaf[506:511] = b"\1\1\0\0\0"
    leaf[490] = 3
    leaf[494:502] = (2).to_bytes(4, order) + (1 << 20).to_bytes(4, order)
    circle = bytearray(page)
    circle[16:20] = (2).to_bytes(4, order)
    circle[22:24] = (486).to_bytes(2, order)
    circle[25] = 7
    data = bytes(meta + leaf + circle)
    (value,) = berkeley.values(lambda place, count: data[place : place + count], len(data))
    assert len(value) == 1 << 20


def test_what_is_no_database_is_refused() -> None:
    for junk in (b"", b"x", b"\0" * 600, b"RpmP" + b"\xff" * 5000, os.urandom(9000)):
        for values in (berkeley.values, ndb.values):
            with pytest.raises(ValueError, match="database"):
                list(values(lambda place, count, data=junk: data[place : place + count], len(junk)))
    with pytest.raises(ValueError, match="truncated"):
        headers.parse(b"\xff" * 64)


@pytest.mark.parametrize(
    ("pattern", "locked"),
    [
        ("bash-0:5.1.8-6.el9.*", True),
        ("0:bash-5.1.8-6.el9.*", True),
        ("bash", True),
        ("bash-5.1.8", True),
        ("ba*", True),
        ("bash-0:5.1.9-*", False),
        ("bash-completion-*", False),
        ("[", False),
    ],
)
def test_locked_versions(pattern: str, locked: bool) -> None:
    package = Package(manager="rpm", name="bash", architecture="x86_64", version="5.1.8-6.el9")
    assert locks.matches(package, [pattern]) is locked


def test_locks_of_dnf_5_and_zypper() -> None:
    text = 'version = "1.0"\n[[packages]]\nname = "bash"\n[[packages.conditions]]\nkey = "evr"\ncomparator = "="\n'
    assert locks.parse_toml(text + 'value = "0:5.2-1.fc40"\n[[packages]]\nname = "kernel*"\n') == [
        "bash-0:5.2-1.fc40",
        "kernel*",
    ]
    assert locks.parse_toml("packages = 5") == locks.parse_toml("[[") == []
    zypp = "\ntype: package\nmatch_type: glob\nsolvable_name: MozillaFirefox\n\ntype: patch\nsolvable_name: x\n"
    assert locks.parse_zypp(zypp) == ["MozillaFirefox"]


def test_records_of_dnf_5_and_yum(tmp_path: Path) -> None:
    # Forms of libdnf5's system state (nevras.toml, packages.toml), and of yum's yumdb.
    write(
        tmp_path,
        {
            "usr/lib/sysimage/libdnf5/nevras.toml": '[nevras]\n"a-0:1-1.x86_64" = {from_repo = "fedora"}\n',
            "usr/lib/sysimage/libdnf5/packages.toml": '[packages]\n"a.x86_64" = {reason = "Dependency"}\n',
            "var/lib/yum/yumdb/b/0123abcd-b-2-1.el7-x86_64/from_repo": "base",
            "var/lib/yum/yumdb/b/0123abcd-b-2-1.el7-x86_64/reason": "user",
        },
    )
    host = Host(str(tmp_path))
    one = Package(manager="rpm", name="a", architecture="x86_64", version="1-1")
    dnf.add_origins(host, [one])
    assert (one.repository, one.automatic) == ("fedora", True)
    shutil.rmtree(tmp_path / "usr")
    two = Package(manager="rpm", name="b", architecture="x86_64", version="2-1.el7")
    dnf.add_origins(host, [two])
    assert (two.repository, two.automatic) == ("base", False)


# dpkg

STATUS = """Package: openssl
Status: install ok installed
Section: utils
Architecture: amd64
Version: 3.0.11-1~deb12u2

Package: left
Status: install ok installed
Architecture: all
Version: 1.0

Package: dpkg
Status: install ok installed
Architecture: amd64
Version: 1.21.22
"""
LISTS = "var/lib/apt/lists/deb.debian.org_debian"


def debian(root: Path) -> Host:
    write(
        root,
        {
            "var/lib/dpkg/status": STATUS,
            "var/lib/dpkg/info/openssl.list": "/.\n",
            "var/lib/apt/extended_states": "Package: left\nArchitecture: amd64\nAuto-Installed: 1\n\n",
            f"{LISTS}-security_dists_bookworm-security_InRelease": "-----BEGIN PGP SIGNED MESSAGE-----\nHash: x\n\n"
            "Origin: Debian\nSuite: stable-security\nCodename: bookworm-security\nSHA256:\n 00 1 main\n",
            f"{LISTS}-security_dists_bookworm-security_main_binary-amd64_Packages": "Package: openssl\nSource: x\n"
            "Version: 3.0.11-1~deb12u2\nArchitecture: amd64\n\n",
            f"{LISTS}_dists_bookworm_InRelease": "Origin: Debian\nCodename: bookworm\n",
            f"{LISTS}_dists_bookworm_main_binary-amd64_Packages": "Package: dpkg\nArchitecture: amd64\n"
            "Version: 1.21.22\nDescription: x\n\nPackage: openssl\nVersion: 3.0.9-1\nArchitecture: amd64\n\n",
        },
    )
    return Host(str(root))


def test_origin_and_reason_of_dpkgs_packages(tmp_path: Path) -> None:
    host = debian(tmp_path)
    found = facts_of("dpkg", host)
    path = "software.packages[dpkg/openssl/amd64]"
    assert (found[f"{path}.origin"], found[f"{path}.repository"]) == ("Debian", "bookworm-security/main")
    assert found[f"{path}.automatic"] is False and found[f"{path}.section"] == "utils"
    assert found["software.packages[dpkg/dpkg/amd64].repository"] == "bookworm/main"
    assert found["software.packages[dpkg/left/all].automatic"] is True
    assert "software.packages[dpkg/left/all].origin" not in found  # no list has it


def test_new_lists_and_reasons_are_read_and_are_no_drift(tmp_path: Path) -> None:
    host = debian(tmp_path)
    first = read("dpkg", host).reading
    (tmp_path / f"{LISTS}-security_dists_bookworm-security_main_binary-amd64_Packages").unlink()
    (tmp_path / "var/lib/apt/extended_states").unlink()
    second = read("dpkg", host).reading
    assert first is not None and second is not None
    assert flatten(first.facts) != flatten(second.facts)
    assert elements(first.facts) == elements(second.facts)


def test_lists_that_cannot_be_read_are_unreadable_and_packed_ones_are_read(tmp_path: Path) -> None:
    host = debian(tmp_path)
    plain = tmp_path / f"{LISTS}_dists_bookworm_main_binary-amd64_Packages"
    plain.with_name(plain.name + ".gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert facts_of("dpkg", host)["software.packages[dpkg/dpkg/amd64].repository"] == "bookworm/main"
    plain.with_name(plain.name + ".lz4").write_bytes(b"\x04\x22\x4d\x18")
    result = read("dpkg", host)
    assert "software.packages[dpkg/*].origin" in result.section.unreadable


def test_lists_are_read_in_pieces_of_any_size() -> None:
    names = [b"p%d" % number for number in range(200)]
    text = b"\n".join(b"Package: %s\nVersion: %s-1\nArchitecture: all\n" % (name, name) for name in names)
    for size in (1, 7, 64, 100_000):
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        found = list(aptlists.versions(pieces, frozenset(names)))
        assert found == [(name, b"all", name + b"-1") for name in names]


def test_unchanged_packages_are_not_read_again(tmp_path: Path) -> None:
    host = debian(tmp_path)
    first = read("dpkg", host).section.content
    kept = host.kept["dpkg"]
    assert read("dpkg", host).section.content == first and host.kept["dpkg"] is kept
    status = tmp_path / "var/lib/dpkg/status"
    status.write_text(STATUS.replace("1.21.22", "1.21.23"))
    assert facts_of("dpkg", host)["software.packages[dpkg/dpkg/amd64].version"] == "1.21.23"


# snap and flatpak

#: As snapd answers (client/packages.go), shortened.
SNAPS = {
    "type": "sync",
    "status-code": 200,
    "result": [
        {
            "name": "charmcraft",
            "installed-size": 55361536,
            "publisher": {"id": "canonical", "username": "canonical", "display-name": "Canonical"},
            "status": "active",
            "version": "1.2.1",
            "channel": "latest/stable",
            "tracking-channel": "latest/edge",
            "revision": "603",
            "confinement": "classic",
            "devmode": False,
            "jailmode": False,
            "license": "Apache-2.0",
            "hold": "2315-08-19T23:37:42.629Z",
            "install-date": "2021-08-20T00:10:20.074917847Z",
        },
        {"name": "charmcraft", "status": "installed", "revision": "600"},
    ],
}


def with_snap(root: Path, answer: object) -> Host:
    write(root, {"snap/charmcraft/603/meta/snap.yaml": "name: charmcraft\nversion: 1.2.1\nconfinement: classic\n"})
    (root / "snap/charmcraft/current").symlink_to("603")
    (root / "var/lib/snapd/snaps").mkdir(parents=True)
    if answer is not None:
        write(root, {".http/_run_snapd.socket_v2_snaps": json.dumps(answer)})
    return Host(str(root))


def test_what_snapd_tells_of_snaps(tmp_path: Path) -> None:
    found = facts_of("snap", with_snap(tmp_path, SNAPS))
    assert {name.rpartition(".")[2]: value for name, value in found.items()} == {
        "version": "1.2.1",
        "vendor": "Canonical",
        "size": 55361536,
        "installed_at": 1629418220,
        "held": True,
        "license": "Apache-2.0",
        "channel": "latest/edge",
        "revision": "603",
        "confinement": "classic",
    }


@pytest.mark.parametrize("answer", [None, [], {"result": 5}, {"result": [{"name": None}, 7]}])
def test_a_snapd_that_does_not_tell_makes_no_drift(answer: object, tmp_path: Path) -> None:
    result = read("snap", with_snap(tmp_path, answer))
    assert result.outcome == READ and result.reading is not None
    assert all("channel" not in path and "confinement" not in path for path in flatten(result.reading.facts))
    assert any(path.endswith(".channel") for path in result.section.unreadable)
    assert any(path.endswith(".confinement") for path in result.section.unreadable)


def test_flatpak_deployments(tmp_path: Path) -> None:
    data = (FIXTURES / "flatpak-1.14-deploy").read_bytes()
    commit = "d98fb8b78ad497135f560fafb84eced9673c3b5ed7fedc8e7dba22228948b97f"
    branch = tmp_path / "var/lib/flatpak/app/org.example.Sample/x86_64/stable"
    (branch / commit).mkdir(parents=True)
    (branch / commit / "deploy").write_bytes(data)
    (branch / "active").symlink_to(commit)
    found = facts_of("flatpak", Host(str(tmp_path)))
    path = "software.packages[flatpak/org.example.Sample/x86_64@stable]"
    assert found.pop(f"{path}.installed_at") is not None
    assert found == {
        f"{path}.channel": "stable",
        f"{path}.version": "3.2.1",
        f"{path}.license": "MIT",
        f"{path}.origin": "sample",
        f"{path}.revision": commit,
        f"{path}.size": 2048,
    }
    for end in range(len(data)):
        flatpak.build("a", "x86_64", "stable", data[:end])
        flatpak.build("a", "x86_64", "stable", data[:end] + b"\xff\xff\xff" + data[end + 3 :])


# languages


def test_packages_of_languages_by_environment(tmp_path: Path) -> None:
    metadata = (
        "Metadata-Version: 2.1\nName: Foo_Bar\nVersion: 1.0\nLicense: UNKNOWN\n"
        "Classifier: License :: OSI Approved :: MIT License\n\ntext\nVersion: no\n"
    )
    write(
        tmp_path,
        {
            "opt/a/venv/lib/python3.11/site-packages/foo_bar-1.0.dist-info/METADATA": metadata,
            "opt/a/venv/lib/python3.11/site-packages/foo_bar-1.0.dist-info/INSTALLER": "pip\n",
            "usr/local/lib/python3.11/dist-packages/foo_bar-1.0.dist-info/METADATA": metadata,
            "usr/local/lib/python3.11/dist-packages/old-0.1.egg-info": "Name: old\nVersion: 0.1\n",
            "usr/lib/python3/dist-packages/owned-2.0.dist-info/METADATA": "Name: owned\nVersion: 2.0\n",
            "usr/lib/python3/dist-packages/loose-2.0.dist-info/METADATA": "Name: loose\nVersion: 2.0\n",
            "var/lib/dpkg/info/python3-owned.list": "/.\n/usr/lib/python3/dist-packages/owned-2.0.dist-info\n",
            "usr/local/lib/node_modules/npm/package.json": '{"version": "10.2.4", "license": "Artistic-2.0"}',
            "usr/local/lib/node_modules/@a/b/package.json": '{"version": "1.0.0", "license": {"type": "MIT"}}',
            "usr/local/lib/node_modules/broken/package.json": "{",
            "var/lib/gems/3.1.0/specifications/rake-13.0.6.gemspec": "",
        },
    )
    host = Host(str(tmp_path))
    found = facts_of("languages", host)
    versions = {path: value for path, value in found.items() if path.endswith(".version")}
    assert versions == {
        "software.language_packages[gem/\\/var\\/lib\\/gems\\/3.1.0/rake].version": "13.0.6",
        "software.language_packages[npm/\\/usr\\/local\\/lib\\/node_modules/@a\\/b].version": "1.0.0",
        "software.language_packages[npm/\\/usr\\/local\\/lib\\/node_modules/npm].version": "10.2.4",
        "software.language_packages[pypi/\\/opt\\/a\\/venv\\/lib\\/python3.11\\/site-packages/foo-bar].version": "1.0",
        "software.language_packages[pypi/\\/usr\\/lib\\/python3\\/dist-packages/loose].version": "2.0",
        "software.language_packages[pypi/\\/usr\\/local\\/lib\\/python3.11\\/dist-packages/foo-bar].version": "1.0",
        "software.language_packages[pypi/\\/usr\\/local\\/lib\\/python3.11\\/dist-packages/old].version": "0.1",
    }
    venv = "software.language_packages[pypi/\\/opt\\/a\\/venv\\/lib\\/python3.11\\/site-packages/foo-bar]"
    assert (found[f"{venv}.license"], found[f"{venv}.installer"]) == ("MIT License", "pip")
    # An upgrade is seen at the next reading.
    folder = tmp_path / "opt/a/venv/lib/python3.11/site-packages"
    shutil.rmtree(folder / "foo_bar-1.0.dist-info")
    write(folder, {"foo_bar-1.1.dist-info/METADATA": metadata.replace("1.0", "1.1")})
    os.utime(folder, ns=(1, 1))
    assert facts_of("languages", host)[f"{venv}.version"] == "1.1"


def test_where_to_look_is_configured(tmp_path: Path) -> None:
    write(tmp_path, {"data/x/lib/python3.12/site-packages/a-1.dist-info/METADATA": "Name: a\nVersion: 1\n"})
    assert read("languages", Host(str(tmp_path))).outcome == ABSENT
    found = facts_of("languages", Host(str(tmp_path), choices=Choices(python_roots=("/data",))))
    assert next(iter(found)).startswith("software.language_packages[pypi/\\/data\\/x")
    parsed = config.parse('python_roots = ["/data"]\ncontainers = true\ncontainer_sockets = ["/run/x.sock"]', "f")
    assert (parsed.choices.python_roots, parsed.choices.container_sockets) == (("/data",), ("/run/x.sock",))
    assert config.parse("", "f").choices.container_sockets == ()
    assert config.parse('container_sockets = ["/run/x.sock"]', "f").choices.container_sockets == ()
    with pytest.raises(ConfigError, match="containers"):
        config.parse('containers = "yes"', "f")


# secrets

SECRETS = [
    "https://user:Hunter2@host.example/x",
    "https://Hunter2@host.example/x",
    "https://user:pa/Hunter2/ss@host.example/x",
    "https://user:p@Hunter2@host.example/x",
    "http://user:Hunter2@[2001:db8::1]:80/x",
    "https://host.example/x?token=Hunter2",
    "https://host.example/x?arch=x86_64&Hunter2",
    "https://host.example/x?a=b;key=Hunter2",
    "https://host.example/x#Hunter2",
    "tor+http://u:Hunter2@abc.onion/",
    "user:Hunter2@host.example/x",
    "https://packagecloud.io/priv/Hunter2c1e2b7d8a0f3c5e6d7b8a9f/acme/",
    "https://dl.cloudsmith.io/Hunter2kJ8aYxQ0bZ/acme/repo/deb/debian",
]


@pytest.mark.parametrize("address", SECRETS)
def test_no_secret_of_an_address_is_told(address: str) -> None:
    assert "Hunter2" not in without_secrets(address)
    assert without_secrets(without_secrets(address)) == without_secrets(address)


@pytest.mark.parametrize(
    "address",
    [
        "http://deb.debian.org/debian",
        "http://security.debian.org/debian-security",
        "https://snapshot.debian.org/archive/debian/20250520T000000Z",
        "https://mirrors.rockylinux.org/mirrorlist?arch=$basearch&repo=BaseOS-$releasever$rltype",
        "http://[2001:db8::1]:3142/debian",
        "file:///media/cdrom",
        "mirror+file:/etc/apt/mirrors.txt",
        "https://download.opensuse.org/repositories/home:/x/openSUSE_Tumbleweed/",
        "https://packages.microsoft.com/repos/microsoft-ubuntu-jammy-prod",
        "https://artifacts.elastic.co/packages/8.x/apt",
    ],
)
def test_what_is_no_secret_is_told(address: str) -> None:
    assert without_secrets(address) == address


# containers


@contextmanager
def engine(path: Path, answers: dict[str, bytes]) -> Iterator[None]:
    """Serve raw answers by address, on a socket as an engine does."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(8)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                address = connection.recv(65536).split(b" ")[1].decode()
                connection.sendall(answers.get(address, b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def ok(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def test_containers_and_images_of_podman(tmp_path: Path) -> None:
    path = tmp_path / "podman.sock"
    answers = {
        "/containers/json?all=1": ok((FIXTURES / "podman-4.3-containers.json").read_bytes()),
        "/images/json": ok((FIXTURES / "podman-4.3-images.json").read_bytes()),
    }
    host = Host(choices=Choices(container_sockets=(str(path),)))
    with engine(path, answers):
        result = read("containers", host)
    assert result.outcome == READ and result.reading is not None
    found = flatten(result.reading.facts)
    container = "software.containers[podman/web1]"
    assert found[f"{container}.image"] == "localhost/sample:1.0" and found[f"{container}.state"] == "created"
    assert found[f"{container}.ports"] == ("0.0.0.0:8080->80/tcp",) and found[f"{container}.networks"] == ("podman",)
    image = f"software.images[podman/{found[f'{container}.image_id']}]"
    assert found[f"{image}.tags"] == ("localhost/sample:1.0",) and found[f"{image}.size"] == 3819
    assert elements(result.reading.facts) == {}  # nothing of it drifts
    assert read("containers", Host()).outcome == ABSENT  # off unless configured


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"junk\r\n\r\n",
        b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n",
        ok(b"not json"),
        ok(b"[" * 100_000),
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_an_engine_that_answers_badly_is_unreadable(answer: bytes, tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    host = Host(choices=Choices(container_sockets=(str(path),)))
    with engine(path, {"/containers/json?all=1": answer, "/images/json": answer}):
        result = read("containers", host)
    assert result.outcome == READ and "Error" not in result.section.reason
    assert set(result.section.unreadable) == {"software.containers[docker*]", "software.images[docker*]"}


def test_an_engine_that_never_answers_is_left_in_time(tmp_path: Path) -> None:
    path = str(tmp_path / "docker.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as silent:
        silent.bind(path)
        silent.listen(1)
        with pytest.raises(UnreadableError, match=r"no answer within 0\.1 s"):
            unixhttp.get(Host(), path, "/images/json", seconds=0.1)


def test_odd_answers_of_engines() -> None:
    odd = [None, 5, {}, {"Id": 3}, {"Id": "a", "Names": None, "Ports": [1, {}], "Labels": [], "Created": "x"}]
    (one,) = engines.parse_containers(odd, "docker")
    assert (one.name, one.id) == ("a", "a")
    assert (
        len(list(engines.parse_images([*odd, {"Id": "b", "RepoTags": ["<none>:<none>"], "Size": -1}], "docker"))) == 2
    )
    assert list(engines.parse_containers({"message": "no"}, "docker")) == []
    linked = {
        "Id": "a",
        "Names": ["/web/db", "/db"],
        "Labels": {"com.docker.compose.project": "shop"},
        "State": "Running",
    }
    (two,) = engines.parse_containers([linked], "docker")
    assert (two.name, two.project, two.state) == ("db", "shop", "running")


def test_what_containerd_answers() -> None:
    def field(number: int, value: bytes) -> bytes:
        return bytes([number << 3 | 2, len(value)]) + value

    label = field(1, b"io.kubernetes.pod.namespace") + field(2, b"shop")
    created = b"\x08\xc0\x84\x3d"
    container = field(1, b"abc") + field(2, label) + field(3, b"docker.io/library/nginx:1.27") + field(8, created)
    (one,) = engines.parse_containerd_containers(field(1, container), "containerd:k8s.io")
    assert (one.name, one.image, one.project, one.created_at) == (
        "abc",
        "docker.io/library/nginx:1.27",
        "shop",
        1_000_000,
    )
    image = field(1, b"docker.io/library/nginx:1.27") + field(3, field(2, b"sha256:12"))
    (two,) = engines.parse_containerd_images(field(1, image), "containerd:k8s.io")
    assert (two.id, list(two.digests)) == ("docker.io/library/nginx:1.27", ["docker.io/library/nginx@sha256:12"])
    assert engines.parse_namespaces(field(1, field(1, b"k8s.io"))) == ["k8s.io"]
    for junk in (b"\xff", b"\x0a\xff", b"\x0f", b"\xff" * 20):
        with pytest.raises(ValueError, match="message"):
            list(engines.fields(junk))


# hostile content


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("apk", ["lib/apk/db/installed", "etc/apk/world"]),
        ("pacman", ["var/lib/pacman/local/a-1-1/desc", "etc/pacman.conf"]),
        ("rpm", ["var/lib/rpm/rpmdb.sqlite", "var/lib/dnf/history.sqlite", "etc/dnf/versionlock.toml"]),
        ("dpkg", ["var/lib/dpkg/status", "var/lib/apt/extended_states", "var/lib/apt/lists/a_InRelease"]),
        ("portage", ["var/db/pkg/a-b/c-1/SLOT", "var/lib/portage/world"]),
        ("slackware", ["var/log/packages/a-1-x86_64-1", "var/log/packages/junk"]),
        ("flatpak", ["var/lib/flatpak/app/a/x86_64/stable/active/deploy"]),
        ("snap", ["snap/a/current/meta/snap.yaml", "var/lib/snapd/snaps/x", ".http/_run_snapd.socket_v2_snaps"]),
        ("repositories", ["etc/apt/sources.list", "etc/apt/sources.list.d/a.sources", "etc/apt/preferences"]),
        ("repositories", ["etc/yum.repos.d/a.repo", "etc/pacman.conf", "etc/apk/repositories", "etc/zypp/locks"]),
        (
            "languages",
            ["opt/a/lib/python3.1/site-packages/a-1.dist-info/METADATA", "usr/lib/node_modules/a/package.json"],
        ),
    ],
)
@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"\0\xff\xfe" * 3000,
        b"\n" * 9000,
        b"[" * 9000,
        b"a: " * 9000,
        b"x" * 300_000,
        b"Include = /etc/pacman.conf\n",
    ],
)
def test_junk_in_the_sources(name: str, files: list[str], junk: bytes, tmp_path: Path) -> None:
    for file in files:
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(junk)
    result = read(name, Host(str(tmp_path)))
    assert result.outcome in (READ, UNREADABLE) and "Error" not in result.section.reason, result.section.reason
    if result.reading is not None:
        flatten(result.reading.facts)


def test_portage_and_slackware(tmp_path: Path) -> None:
    # Forms of PMS and of pkgtools.
    write(
        tmp_path,
        {
            "var/db/pkg/dev-lang/python-3.11.9_p1-r1/SLOT": "3.11/3.11\n",
            "var/db/pkg/dev-lang/python-3.11.9_p1-r1/CHOST": "x86_64-pc-linux-gnu\n",
            "var/db/pkg/dev-lang/python-3.11.9_p1-r1/LICENSE": "PSF-2\n",
            "var/db/pkg/dev-lang/python-3.11.9_p1-r1/repository": "gentoo\n",
            "var/db/pkg/dev-lang/-MERGING-x-1/SLOT": "0",
            "var/lib/portage/world": "app-editors/vim\n",
            "var/log/packages/aaa_glibc-solibs-2.37-x86_64-3": "",
        },
    )
    host = Host(str(tmp_path))
    path = "software.packages[portage/dev-lang\\/python/x86_64@3.11]"
    found = facts_of("portage", host)
    assert {name for name in found if not name.startswith(path)} == set()
    assert (found[f"{path}.version"], found[f"{path}.license"]) == ("3.11.9_p1-r1", "PSF-2")
    assert found[f"{path}.repository"] == "gentoo" and found[f"{path}.automatic"] is True
    assert facts_of("slackware", host)["software.packages[slackware/aaa_glibc-solibs/x86_64].version"] == "2.37-3"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2021-08-20T00:10:20.074917847Z", 1629418220),
        ("2019-11-06T15:24:41+01:00", 1573050281),
        ("Tue Aug 21 18:39:16 2018", 1534876756),
        ("2022-02-21 22:51:49 +0000", 1645483909),
        ("2024-05-01 10:11:12.123456789 +0200 CEST", 1714551072),
        ("yesterday", None),
        ("", None),
        ("9999999-99-99", None),
    ],
)
def test_times(text: str, expected: int | None) -> None:
    assert seconds_of(text) == expected
