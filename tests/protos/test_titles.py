"""One title a product, whatever distribution packed it."""

from importlib.resources import files

import pytest

from driftline.titles import title_of
from driftline.v1.software_pb2 import Package


def title(manager: str, name: str, source: str = "") -> tuple[str, str | None]:
    found = title_of(Package(manager=manager, name=name, source=source))
    return found.id, found.vendor


@pytest.mark.parametrize(
    ("expected", "packages"),
    [
        (
            "openssl",
            [("dpkg", "libssl3", "openssl"), ("rpm", "openssl-libs", "openssl"), ("apk", "libssl3", "openssl")],
        ),
        ("apache-httpd", [("dpkg", "apache2-bin", "apache2"), ("rpm", "httpd", ""), ("pacman", "apache-httpd", "")]),
        ("bind", [("dpkg", "bind9", ""), ("rpm", "bind", ""), ("dpkg", "bind9-libs", "bind9")]),
        ("postgresql", [("dpkg", "postgresql-15", ""), ("rpm", "postgresql-server", ""), ("rpm", "postgresql16", "")]),
        (
            "linux",
            [
                ("dpkg", "linux-image-6.1.0-18-amd64", "linux-signed-amd64"),
                ("rpm", "kernel-core", "kernel"),
                ("apk", "linux-lts", ""),
            ],
        ),
        ("python", [("dpkg", "libpython3.11-minimal", "python3.11"), ("rpm", "python3", "python3.9")]),
        ("openjdk", [("dpkg", "openjdk-17-jre-headless", "openjdk-17"), ("rpm", "java-17-openjdk-headless", "")]),
        ("bash", [("dpkg", "bash", ""), ("rpm", "bash", ""), ("portage", "app-shells/bash", "")]),
        ("firefox", [("dpkg", "firefox-esr", ""), ("snap", "firefox", ""), ("flatpak", "org.mozilla.firefox", "")]),
    ],
)
def test_one_product_many_packages(expected: str, packages: list[tuple[str, str, str]]) -> None:
    found = {title(*package) for package in packages}
    assert {identity for identity, _ in found} == {expected}
    assert all(vendor for _, vendor in found)


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        (("dpkg", "libboost-filesystem1.74.0", "boost1.74"), "boost"),
        (("dpkg", "libfoo2", "foo"), "foo"),
        (("dpkg", "bzip3", ""), "bzip3"),
        (("rpm", "foobar-devel", ""), "foobar"),
        (("dpkg", "w3m", ""), "w3m"),
        (("dpkg", "gimp-2.0", ""), "gimp"),
    ],
)
def test_what_is_not_known_goes_by_rule_and_has_no_vendor(package: tuple[str, str, str], expected: str) -> None:
    assert title(*package) == (expected, None)


def test_the_data_is_sound() -> None:
    lines = [
        line.split("\t")
        for line in (files("driftline") / "titles.tsv").read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert len(lines) > 150
    assert all(len(line) == 4 and all(line[:3]) for line in lines)
    identities = [line[0] for line in lines]
    assert identities == sorted(set(identities))
    names = [name for line in lines for name in line[3].split()]
    assert sorted(names) == sorted(set(names)), "a name of two products"
    assert all(name == name.lower() for name in names)
