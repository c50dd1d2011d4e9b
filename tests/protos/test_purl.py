"""Package URLs: the specification's own test suite, and the URLs of packages as hosts have them."""

import json
from pathlib import Path

import pytest

from driftline import derived, purl
from driftline.v1.os_pb2 import Release
from driftline.v1.software_pb2 import Image, LanguagePackage, Package

SUITE = json.loads((Path(__file__).parents[1] / "fixtures/software/purl-test-suite-data.json").read_text())


@pytest.mark.parametrize("case", SUITE, ids=lambda case: str(case["purl"]))
def test_the_specifications_suite(case: dict[str, object]) -> None:
    text = str(case["purl"])
    if case["is_invalid"]:
        with pytest.raises(purl.PurlError):
            purl.parse(text)
        return
    assert str(purl.parse(text)) == case["canonical_purl"]
    assert str(purl.parse(str(case["canonical_purl"]))) == case["canonical_purl"]
    qualifiers = case["qualifiers"] or {}
    assert isinstance(qualifiers, dict)
    parts = {key: case[key] for key in ("name", "namespace", "version", "subpath")}
    built = purl.make(str(case["type"]), qualifiers=qualifiers, **parts)  # type: ignore[arg-type]  # of JSON
    assert str(built) == case["canonical_purl"]


DEBIAN = Release(id="debian", version="12.5")


@pytest.mark.parametrize(
    ("package", "release", "expected"),
    [
        # Canonical forms of purl-spec's tests/types/{deb,rpm,alpm,apk}-test.json, with the distribution's release.
        (
            Package(manager="dpkg", name="openssl", architecture="amd64", version="3.0.11-1~deb12u2"),
            DEBIAN,
            "pkg:deb/debian/openssl@3.0.11-1~deb12u2?arch=amd64&distro=debian-12",
        ),
        (
            Package(manager="dpkg", name="attr", architecture="amd64", version="1:2.4.47-2+b1"),
            Release(id="ubuntu", version="24.04"),
            "pkg:deb/ubuntu/attr@1:2.4.47-2%2Bb1?arch=amd64&distro=ubuntu-24.04",
        ),
        (
            Package(manager="rpm", name="centerim", architecture="i686", version="1:4.22.10-1.el6"),
            Release(id="fedora", version="25"),
            "pkg:rpm/fedora/centerim@4.22.10-1.el6?arch=i686&distro=fedora-25&epoch=1",
        ),
        (
            Package(manager="rpm", name="kernel", architecture="x86_64@5.14.0-427.el9", version="5.14.0-427.el9"),
            Release(id="rocky", version="9.4"),
            "pkg:rpm/rocky/kernel@5.14.0-427.el9?arch=x86_64&distro=rocky-9.4",
        ),
        (
            Package(manager="apk", name="curl", architecture="x86", version="7.83.0-r0"),
            Release(id="alpine", version="3.16.0"),
            "pkg:apk/alpine/curl@7.83.0-r0?arch=x86&distro=alpine-3.16.0",
        ),
        (
            Package(manager="pacman", name="containers-common", architecture="x86_64", version="1:0.47.4-4"),
            Release(id="arch"),
            "pkg:alpm/arch/containers-common@1:0.47.4-4?arch=x86_64",
        ),
        (
            Package(manager="snap", name="core22", architecture="amd64", version="20240111", revision="1122"),
            Release(),
            "pkg:snap/core22@20240111?arch=amd64&revision=1122",
        ),
        (
            Package(manager="flatpak", name="org.gnome.Platform", architecture="x86_64@45@user", channel="45"),
            Release(),
            "pkg:flatpak/org.gnome.Platform?arch=x86_64&branch=45",
        ),
        (
            Package(manager="portage", name="dev-lang/python", architecture="x86_64@3.11", version="3.11.9"),
            Release(),
            "pkg:ebuild/dev-lang/python@3.11.9?arch=x86_64",
        ),
    ],
)
def test_packages(package: Package, release: Release, expected: str) -> None:
    assert str(purl.purl_of(package, release)) == expected
    assert str(purl.parse(expected)) == expected


def test_packages_of_languages_and_images() -> None:
    of = purl.purl_of_language_package
    assert str(of(LanguagePackage(ecosystem="pypi", name="django-package", version="1.11.1.dev1"))) == (
        "pkg:pypi/django-package@1.11.1.dev1"
    )
    assert str(of(LanguagePackage(ecosystem="npm", name="@angular/cli", version="17.0.0"))) == (
        "pkg:npm/%40angular/cli@17.0.0"
    )
    assert str(of(LanguagePackage(ecosystem="gem", name="jruby-launcher", version="1.1.2"))) == (
        "pkg:gem/jruby-launcher@1.1.2"
    )
    image = Image(engine="docker", id="sha256:1", tags=["ghcr.io/o/Nginx:1.27"], digests=["ghcr.io/o/Nginx@sha256:2f"])
    assert str(purl.purl_of_image(image)) == "pkg:oci/nginx@sha256:2f?repository_url=ghcr.io/o/Nginx&tag=1.27"
    assert purl.purl_of_image(Image(engine="docker", id="sha256:1", tags=["local:1"])) is None


def test_what_no_manager_of_ours_has_has_none() -> None:
    assert purl.purl_of(Package(manager="other", name="a"), DEBIAN) is None
    assert derived.of_message(Package(manager="dpkg"), DEBIAN).get("purl") is None


def test_the_same_by_path_and_attributes_as_by_message() -> None:
    package = Package(
        manager="dpkg", name="libssl3", architecture="amd64", version="3.0.11-1", source="openssl", size=12
    )
    path = "software.packages[dpkg/libssl3/amd64]"
    attributes: dict[str, str | int] = {"version": "3.0.11-1", "source": "openssl", "size": 12}
    release = derived.release_of({"os.release.id": "debian", "os.release.version": "12.5"})
    assert derived.of_element(path, attributes, release) == derived.of_message(package, DEBIAN)
    assert derived.of_element("software.images[docker/sha256:1]", {"digests": ("a/b@sha256:2",)}, DEBIAN) == {
        "purl": "pkg:oci/b@sha256:2?repository_url=a/b"
    }
    assert derived.of_element("software.language_packages[pypi/\\/opt\\/x/requests]", {"version": "2"}, DEBIAN) == {
        "purl": "pkg:pypi/requests@2",
        "title": "pypi:requests",
        "product": "requests",
    }
    assert derived.of_element("os.kernel", {}, DEBIAN) == {}
