"""Names of distributions and releases: of real release files, and as facter names them."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.support.corpora import corpus

from driftline.v1.facts_pb2 import Release
from driftline_agent.distribution import FILES, family_of, identify, parse_elf, parse_os_release

FIXTURES = Path(__file__).parents[1] / "fixtures/distributions"
FIELDS = ("id", "distribution", "family", "version", "major", "minor", "codename")


def of_folder(root: Path) -> Release:
    texts = [root / name for name in ("etc/os-release", "usr/lib/os-release") if (root / name).is_file()]
    files = {name: (root / name[1:]).read_text() for name in FILES if (root / name[1:]).is_file()}
    return identify(parse_os_release(texts[0].read_text()) if texts else {}, files)


def test_release_files_of_real_installations() -> None:
    found = ["\t".join(["of", *FIELDS])]
    for root in sorted(path for path in FIXTURES.iterdir() if path.is_dir()):
        release = of_folder(root)
        found.append("\t".join([root.name, *(str(getattr(release, name)) for name in FIELDS)]))
    expected = FIXTURES / "expected.tsv"
    if os.environ.get("UPDATE_CASES"):
        expected.write_text("\n".join(found) + "\n")
    assert found == expected.read_text().splitlines()


#: What os-release says on each distribution that facterdb knows, by facter's name of it: NAME, ID, ID_LIKE, VERSION_ID,
#: and what else is of use. Published: base-files of Debian, Ubuntu and Pop!_OS, {almalinux,centos-stream,fedora,oracle,
#: rocky,redhat}-release, system-release of Amazon, sles-release, openSUSE-release, baselayout of Gentoo, filesystem of
#: Arch, alpine-base. {full}, {major}, {minor}, {name} stand for what the fact file says.
OS_RELEASE: dict[str, dict[str, str]] = {
    "AlmaLinux": {"NAME": "AlmaLinux", "ID": "almalinux", "ID_LIKE": "rhel centos fedora", "VERSION_ID": "{full}"},
    "Amazon": {"NAME": "Amazon Linux", "ID": "amzn", "ID_LIKE": "centos rhel fedora", "VERSION_ID": "{major}"},
    "Archlinux": {"NAME": "Arch Linux", "ID": "arch", "BUILD_ID": "rolling"},
    "Alpine": {"NAME": "Alpine Linux", "ID": "alpine", "VERSION_ID": "{full}"},
    "CentOS": {"NAME": "CentOS Stream", "ID": "centos", "ID_LIKE": "rhel fedora", "VERSION_ID": "{major}"},
    "Debian": {"NAME": "Debian GNU/Linux", "ID": "debian", "VERSION_ID": "{major}", "VERSION_CODENAME": "{codename}"},
    "Fedora": {"NAME": "Fedora Linux", "ID": "fedora", "VERSION_ID": "{major}", "VERSION_CODENAME": ""},
    "Gentoo": {"NAME": "Gentoo", "ID": "gentoo", "VERSION_ID": "{full}"},
    "Linuxmint": {"NAME": "Linux Mint", "ID": "linuxmint", "ID_LIKE": "ubuntu debian", "VERSION_ID": "{full}"},
    "OracleLinux": {"NAME": "Oracle Linux Server", "ID": "ol", "ID_LIKE": "fedora", "VERSION_ID": "{full}"},
    "Pop!_OS": {
        "NAME": "Pop!_OS",
        "ID": "pop",
        "ID_LIKE": "ubuntu debian",
        "VERSION_ID": "{full}",
        "VERSION_CODENAME": "{codename}",
    },
    "RedHat": {"NAME": "Red Hat Enterprise Linux", "ID": "rhel", "ID_LIKE": "fedora", "VERSION_ID": "{full}"},
    "Rocky": {"NAME": "Rocky Linux", "ID": "rocky", "ID_LIKE": "rhel centos fedora", "VERSION_ID": "{full}"},
    "Scientific": {
        "NAME": "Scientific Linux",
        "ID": "rhel",
        "ID_LIKE": "scientific centos fedora",
        "VERSION_ID": "{full}",
    },
    "SLES": {"NAME": "SLES", "ID": "sles", "VERSION_ID": "{full}"},
    "Ubuntu": {
        "NAME": "Ubuntu",
        "ID": "ubuntu",
        "ID_LIKE": "debian",
        "VERSION_ID": "{full}",
        "VERSION_CODENAME": "{codename}",
    },
    "VirtuozzoLinux": {"NAME": "Virtuozzo", "ID": "virtuozzo", "ID_LIKE": "rhel fedora", "VERSION_ID": "{full}"},
    "XCP-ng": {"NAME": "XCP-ng", "ID": "xenenterprise", "ID_LIKE": "centos rhel fedora", "VERSION_ID": "{full}"},
    "openSUSE": {"NAME": "openSUSE Leap", "ID": "opensuse-leap", "ID_LIKE": "suse opensuse", "VERSION_ID": "{full}"},
}


def host_of(facter: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Return os-release and the release files of the host that a fact file was made on."""
    distro, release = facter.get("distro", {}), facter["release"]
    words = {"codename": distro.get("codename", ""), **release}
    said = {name: text.format(**words) for name, text in OS_RELEASE[facter["name"]].items()}
    files: dict[str, str] = {}
    description = distro.get("description", "")
    if facter["family"] == "RedHat" and " release " in description:
        # There facter's description is the file itself.
        files["/etc/system-release"] = files["/etc/redhat-release"] = description + "\n"
    elif facter["name"] == "OracleLinux":
        # With lsb_release there, facter's description is its; the file says this, as in facterdb 4.3.
        files["/etc/redhat-release"] = "Red Hat Enterprise Linux release {full} ({codename})\n".format(**words)
    elif facter["name"] == "Debian":
        files["/etc/debian_version"] = release["full"] + "\n"
        if not release["full"][0].isdigit():
            del said["VERSION_ID"]
    elif facter["name"] == "Ubuntu":
        files["/etc/debian_version"] = "bookworm/sid\n"
    return said, files


#: Where driftline's word is another than facter's, on purpose.
def as_facter(release: Release, facter: dict[str, Any]) -> dict[str, str | None]:
    """Return what facter makes of a release that driftline names."""
    out: dict[str, str | None] = {
        "name": release.distribution,
        "family": release.family,
        "full": release.version or None,
        "major": release.major or None,
        "minor": release.minor or None,
        "codename": release.codename or None,
    }
    if release.id == "amzn" and release.major >= "2022":
        # facter reads VERSION_ID, makes 2023.0 of 2023, and takes the name in parentheses for a code name.
        theirs = facter["release"]
        out.update(full=theirs["full"], minor=theirs.get("minor"), codename=release.name)
    return out


def fact_files() -> list[tuple[str, dict[str, Any]]]:
    out = []
    for path in sorted(corpus("facterdb").glob("*/*.facts")):
        facts = json.loads(path.read_text())
        if facts.get("kernel") == "Linux":
            out.append((f"{path.parent.name}/{path.name}", facts["os"]))
    return out


def test_names_are_those_of_facter() -> None:
    files = fact_files()
    assert len(files) > 50
    for name, facter in files:
        release = identify(*host_of(facter))
        codename = facter.get("distro", {}).get("codename")
        expected = {
            "name": facter["name"],
            "family": facter["family"],
            "full": facter["release"]["full"],
            "major": facter["release"]["major"],
            "minor": facter["release"].get("minor"),
            "codename": None if codename == "n/a" else codename,
        }
        assert as_facter(release, facter) == expected, name
        assert release.id == OS_RELEASE[facter["name"]]["ID"], name


def test_every_distribution_of_facterdb_is_known() -> None:
    assert {facter["name"] for _, facter in fact_files()} <= set(OS_RELEASE)


@pytest.mark.parametrize(
    ("identity", "like", "family"),
    [
        ("ol", "fedora", "RedHat"),
        ("ol", "", "RedHat"),
        ("amzn", "", "RedHat"),
        ("xenenterprise", "centos rhel fedora", "RedHat"),
        ("raspbian", "debian", "Debian"),
        ("devuan", "debian", "Debian"),
        ("kali", "debian", "Debian"),
        ("opensuse-tumbleweed", "opensuse suse", "Suse"),
        ("sled", "", "Suse"),
        ("manjaro", "arch", "Archlinux"),
        ("endeavouros", "arch", "Archlinux"),
        ("gentoo", "", "Gentoo"),
        ("alpine", "", "Alpine"),
        ("slackware", "", "Slackware"),
        ("mandriva", "", "Mandrake"),
        ("mariner", "", "RedHat"),
        ("void", "", "Void"),
        ("nixos", "", "Nixos"),
    ],
)
def test_families(identity: str, like: str, family: str) -> None:
    assert family_of(identity, like) == family


@pytest.mark.parametrize(
    ("said", "files", "version", "major", "minor"),
    [
        (
            {"ID": "centos", "VERSION_ID": "7"},
            {"/etc/redhat-release": "CentOS Linux release 7.9.2009 (Core)"},
            "7.9.2009",
            "7",
            "9",
        ),
        (
            {"ID": "amzn", "VERSION_ID": "2023"},
            {"/etc/system-release": "Amazon Linux release 2023.9.20251020 (Amazon Linux)"},
            "2023.9.20251020",
            "2023",
            "9",
        ),
        ({"ID": "alpine", "VERSION_ID": "3.19.1"}, {"/etc/alpine-release": "3.19.1"}, "3.19.1", "3", "19"),
        ({"ID": "debian", "VERSION_ID": "12"}, {"/etc/debian_version": "12.5"}, "12.5", "12", "5"),
        ({"ID": "debian", "VERSION_ID": "12"}, {"/etc/debian_version": "13.1"}, "12", "12", ""),
        ({"ID": "debian"}, {"/etc/debian_version": "trixie/sid"}, "trixie/sid", "trixie/sid", ""),
        ({"ID": "ubuntu", "VERSION_ID": "24.04"}, {"/etc/debian_version": "trixie/sid"}, "24.04", "24.04", ""),
        ({"ID": "linuxmint", "ID_LIKE": "ubuntu", "VERSION_ID": "20.3"}, {}, "20.3", "20", "3"),
        ({"ID": "devuan", "ID_LIKE": "debian", "VERSION_ID": "5"}, {"/etc/devuan_version": "daedalus"}, "5", "5", ""),
        ({"ID": "opensuse-leap", "ID_LIKE": "suse opensuse", "VERSION_ID": "15.6"}, {}, "15.6", "15", "6"),
        ({"ID": "nixos", "VERSION_ID": "23.11"}, {}, "23.11", "23.11", ""),
        (
            {},
            {"/etc/SuSE-release": "SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = 3\n"},
            "11.3",
            "11",
            "3",
        ),
        ({}, {"/etc/alpine-release": "3.4.6\n"}, "3.4.6", "3", "4"),
        ({}, {"/etc/debian_version": "5.0.10\n"}, "5.0.10", "5", "0"),
    ],
)
def test_the_most_exact_release_counts(
    said: dict[str, str], files: dict[str, str], version: str, major: str, minor: str
) -> None:
    release = identify(said, files)
    assert (release.version, release.major, release.minor) == (version, major, minor)


@pytest.mark.parametrize(
    "junk", ["", "=", "\0\0\0", "ID", "ID=\n", "'" * 5000, 'NAME=\nID="\n', "((((((", "release", "release \n release 1"]
)
def test_junk_in_every_file(junk: str) -> None:
    release = identify(parse_os_release(junk), dict.fromkeys(FILES, junk))
    assert release.id


def elf(bits: int, machine: int, order: str = "little", flags: int = 0) -> bytes:
    head = bytearray(64)
    head[:7] = b"\x7fELF" + bytes([bits // 32, 2 if order == "big" else 1, 1])
    head[18:20] = machine.to_bytes(2, order)  # type: ignore[arg-type]  # little or big
    head[36:40] = flags.to_bytes(4, "little")
    return bytes(head)


@pytest.mark.parametrize(
    ("head", "debian", "other"),
    [
        (elf(64, 62), "amd64", "x86_64"),
        (elf(32, 62), "x32", "x86_64"),
        (elf(32, 3), "i386", "i686"),
        (elf(64, 183), "arm64", "aarch64"),
        (elf(32, 40, flags=0x5000400), "armhf", "armhf"),
        (elf(64, 21), "ppc64el", "ppc64le"),
        (elf(64, 22, "big"), "s390x", "s390x"),
        (b"#!/bin/sh\n", "", ""),
        (b"\x7fELF", "", ""),
    ],
)
def test_architecture_of_programs(head: bytes, debian: str, other: str) -> None:
    assert (parse_elf(head, "Debian"), parse_elf(head, "RedHat")) == (debian, other)


def test_edition_and_build() -> None:
    # /etc/os-release of Fedora Server 40 and of Arch Linux
    fedora = parse_os_release('ID=fedora\nVERSION_ID=40\nVARIANT="Server Edition"\nVARIANT_ID=server\n')
    arch = parse_os_release('NAME="Arch Linux"\nID=arch\nBUILD_ID=rolling\n')
    assert identify(fedora, {}).variant == "server"
    assert (identify(arch, {}).build, identify(arch, {}).variant) == ("rolling", "")


def test_this_host_as_dpkg_says() -> None:
    said = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
    assert parse_elf(Path("/bin/sh").read_bytes()[:64], "Debian") == said
