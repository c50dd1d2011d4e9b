"""Package URLs. Source: the purl specification (ECMA-427) and its type definitions, packageurl.org.

A package's URL follows from its facts and the distribution's release; it is computed where it is shown and stored
nowhere, so that it can be made better without any fact changing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from driftline import late
from driftline.v1.os_pb2 import Release
from driftline.v1.software_pb2 import Image, LanguagePackage, Package

_TYPE = late.pattern(r"[a-z][a-z0-9.-]*")
_KEY = late.pattern(r"[a-z][a-z0-9._-]*")
#: Left as they are, besides letters, digits and ``-._~`` (the specification's "Character encoding").
_SAFE = ":"
_SAFE_IN_VALUES = ":/"
#: Types whose names, and whose name spaces, are not case sensitive and written in lower case.
_LOWER = frozenset(
    {"alpm", "apk", "bitbucket", "bitnami", "composer", "deb", "github", "hex", "npm", "oci", "pypi", "pub"}
)
_LOWER_NAMESPACE = (_LOWER - {"npm"}) | {"rpm"}
#: Managers of the system to type of URL. snap, flatpak and slackware have none in the specification; these are ours.
_TYPES = {
    "dpkg": "deb",
    "rpm": "rpm",
    "apk": "apk",
    "pacman": "alpm",
    "portage": "ebuild",
    "nix": "nix",
    "snap": "snap",
    "flatpak": "flatpak",
    "slackware": "slackware",
}
_BY_DISTRIBUTION = frozenset({"deb", "rpm", "apk", "alpm"})


_ALWAYS_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~"
_PLAIN = late.pattern(r"[A-Za-z0-9_.~-]*")


class PurlError(ValueError):
    """Text that is no package URL, or parts that make none."""


@lru_cache(maxsize=4096)
def quote(text: str, safe: str) -> str:
    """Return a text percent-encoded; most need nothing, and importing urllib.parse takes longer than all the others."""
    if _PLAIN.fullmatch(text):
        return text
    kept = (_ALWAYS_SAFE + safe).encode()
    return "".join(chr(byte) if byte in kept else f"%{byte:02X}" for byte in text.encode())


def unquote(text: str) -> str:
    """Return a text without percent-encoding."""
    from urllib.parse import unquote as decode

    return decode(text)


@lru_cache(maxsize=256)
def _is_key(key: str) -> bool:
    return _KEY.fullmatch(key) is not None


@dataclass(frozen=True, slots=True)
class Purl:
    """A package URL's parts, normalised as its type wants it."""

    type: str
    name: str
    namespace: str | None = None
    version: str | None = None
    qualifiers: Mapping[str, str] = field(default_factory=dict)
    subpath: str | None = None

    def __str__(self) -> str:
        out = f"pkg:{self.type}/"
        if self.namespace:
            out += "/".join([quote(part, _SAFE) for part in self.namespace.split("/")]) + "/"
        out += quote(self.name, _SAFE)
        if self.version:
            out += "@" + quote(self.version, _SAFE)
        if self.qualifiers:
            pairs = (f"{key}={quote(self.qualifiers[key], _SAFE_IN_VALUES)}" for key in sorted(self.qualifiers))
            out += "?" + "&".join(pairs)
        if self.subpath:
            out += "#" + "/".join(quote(part, _SAFE) for part in self.subpath.split("/"))
        return out


def make(
    kind: str,
    name: str,
    namespace: str | None = None,
    version: str | None = None,
    qualifiers: Mapping[str, str | None] | None = None,
    subpath: str | None = None,
) -> Purl:
    """Return a package URL of parts, normalised.

    :raises PurlError: where a part is missing or not allowed.
    """
    kind = kind.lower()
    if not _TYPE.fullmatch(kind):
        raise PurlError(f'type "{kind}": letters, digits, full stops and hyphens, a letter first')
    space = "/".join(part for part in (namespace or "").strip("/").split("/") if part)
    name = name.strip("/")
    if not name:
        raise PurlError(f"pkg:{kind}: a name is missing")
    if kind in _LOWER:
        name = name.lower()
    if kind in _LOWER_NAMESPACE:
        space = space.lower()
    if kind == "pypi":
        name = name.replace("_", "-")
    given: dict[str, str] = {}
    for key, value in (qualifiers or {}).items():
        if not _is_key(key.lower()):
            raise PurlError(f'qualifier "{key}": letters, digits, full stops, hyphens and underscores, a letter first')
        if value:
            given[key.lower()] = value
    parts = [part for part in (subpath or "").split("/") if part not in ("", ".", "..")]
    return Purl(kind, name, space or None, version or None, given, "/".join(parts) or None)


def parse(text: str) -> Purl:
    """Return the parts of a package URL.

    :raises PurlError: where it is none.
    """
    rest, _, subpath = text.strip().partition("#")
    rest, _, query = rest.partition("?")
    scheme, colon, rest = rest.partition(":")
    if not colon or scheme.lower() != "pkg":
        raise PurlError(f'"{text}": a package URL begins with pkg:')
    kind, slash, rest = rest.strip("/").partition("/")
    if not slash:
        raise PurlError(f'"{text}": type and name are needed: pkg:TYPE/NAME')
    version = None
    # An @ in a part before the last one is a scope of npm.
    last = rest.rindex("/") + 1 if "/" in rest else 0
    if "@" in rest[last:]:
        rest, _, version = rest.rpartition("@")
    namespace, _, name = rest.strip("/").rpartition("/")
    qualifiers: dict[str, str | None] = {}
    for pair in filter(None, query.split("&")):
        key, _, value = pair.partition("=")
        qualifiers[key] = unquote(value)
    return make(
        kind,
        unquote(name),
        "/".join(unquote(part) for part in namespace.split("/")),
        None if version is None else unquote(version),
        qualifiers,
        "/".join(unquote(part) for part in subpath.split("/")),
    )


def _distribution(release: Release) -> str | None:
    """Return the distribution's id and version: debian-12. A point release of Debian changes nothing of it."""
    if not release.id or not release.version:
        return None
    version = release.version.partition(".")[0] if release.id == "debian" else release.version
    return f"{release.id}-{version}"


def purl_of(package: Package, release: Release) -> Purl | None:
    """Return the URL of a package of the system; None where its manager has no type.

    :param release: of the host that it is installed on.
    """
    kind = _TYPES.get(package.manager)
    if kind is None or not package.name:
        return None
    architecture, _, branch = package.architecture.partition("@")
    namespace, name, version = None, package.name, package.version
    qualifiers: dict[str, str | None] = {"arch": architecture}
    if kind in _BY_DISTRIBUTION:
        # What came from elsewhere is still built for this one; the specification has no way to say more.
        namespace = release.id or None
        qualifiers["distro"] = _distribution(release)
    if kind == "rpm" and ":" in version:
        qualifiers["epoch"], _, version = version.partition(":")
    elif kind == "ebuild":
        namespace, _, name = name.rpartition("/")
    elif kind == "flatpak":
        qualifiers |= {"branch": package.channel or branch.partition("@")[0], "commit": package.revision}
    elif kind == "snap":
        qualifiers |= {"revision": package.revision, "channel": package.channel}
    return make(kind, name, namespace, version, qualifiers)


def purl_of_language_package(package: LanguagePackage) -> Purl | None:
    """Return the URL of a package of a programming language."""
    if not package.name:
        return None
    namespace, _, name = package.name.rpartition("/") if package.ecosystem == "npm" else ("", "", package.name)
    return make(package.ecosystem, name, namespace, package.version)


def purl_of_image(image: Image) -> Purl | None:
    """Return the URL of a container image by its digest in the registry; None where it has none, being built here."""
    for digest in image.digests:
        repository, at, value = digest.partition("@")
        if not at:
            continue
        tags = sorted(tag.rpartition(":")[2] for tag in image.tags if tag.rpartition(":")[0] == repository)
        return make(
            "oci",
            repository.rpartition("/")[2],
            None,
            value,
            {"repository_url": repository, "tag": tags[0] if tags else None},
        )
    return None
