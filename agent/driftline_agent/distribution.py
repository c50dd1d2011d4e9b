"""Which distribution and release this is, from os-release(5) and the release files that distributions had before it.

Names, family and the parts of the release are those that facter gives, so that a fleet can be compared with what
configuration management knows of it. Where facter tells less than the distribution does (Amazon Linux 2023's date,
Linux Mint's point release, Kali's release), the distribution's own word stands here.
"""

import re
import shlex
from collections.abc import Mapping

from driftline import late
from driftline.v1.facts_pb2 import Release

#: Files that are asked besides os-release.
FILES = (
    "/etc/alpine-release",
    "/etc/debian_version",
    "/etc/devuan_version",
    "/etc/gentoo-release",
    "/etc/lsb-release",
    "/etc/mariner-release",
    "/etc/openwrt_version",
    "/etc/redhat-release",
    "/etc/slackware-version",
    "/etc/SuSE-release",
    "/etc/system-release",
)
_FIRST_LINE, _MAX_TEXT = 300, 1 << 20
_DOTTED = late.pattern(r"\d+(?:\.\w+)*")
_RELEASE = late.pattern(r"\brelease (\d[\w.]*)")
_PARENTHESES = late.pattern(r"\(([^()]+)\)\s*$")
#: Words of the like-list or the id to the family; the first family that fits counts.
_FAMILIES = {
    "RedHat": "redhat rhel fedora centos scientific ascendos cloudlinux psbm oraclelinux ovs oel amazon amzn xenserver"
    " xenenterprise xcp-ng virtuozzo photon mariner azurelinux",
    "Debian": "debian ubuntu huaweios linuxmint devuan kde",
    "Suse": "sles sled suse",
    "Gentoo": "gentoo",
    "Archlinux": "arch manjaro",
    "Mandrake": "mandrake mandriva mageia",
}
#: Ids whose family no word of theirs tells.
_FAMILY_OF_ID = {"ol": "RedHat", "oel": "RedHat", "meego": "RedHat", "sle_hpc": "Suse", "sle-micro": "Suse"}
#: Distributions whose release has a smaller part after the first dot, besides those of these families.
_POINT_FAMILIES = {"RedHat", "Debian", "Suse", "Gentoo", "Alpine", "Mandrake"}
_POINT_IDS = {"slackware", "openwrt", "mageia", "photon", "mariner", "azurelinux"}
#: Ids of distributions that came before os-release, by the first word of their name.
_OLD_IDS = {"red": "rhel", "oracle": "ol", "amazon": "amzn", "suse": "sles"}


def parse_os_release(text: str) -> dict[str, str]:
    """Return the assignments of an os-release file; a line that is none is skipped."""
    out: dict[str, str] = {}
    for line in text[:_MAX_TEXT].splitlines():
        name, equals, value = line.strip().partition("=")
        if not equals or name.startswith("#") or len(value) > 4_096:
            continue
        try:
            out[name] = "".join(shlex.split(value, posix=True)[:1])
        except ValueError:
            out[name] = value.strip("\"'")
    return out


def _line(files: Mapping[str, str], name: str) -> str:
    return next((line.strip()[:_FIRST_LINE] for line in files.get(name, "").splitlines() if line.strip()), "")


def older(files: Mapping[str, str]) -> dict[str, str]:
    """Return what os-release would say of a distribution that has none, from its release file."""
    lsb = parse_os_release(files.get("/etc/lsb-release", ""))
    for name in ("/etc/redhat-release", "/etc/system-release", "/etc/SuSE-release"):
        line = _line(files, name)
        words = re.split(r"\s+(?:release\s+)?(?=\d)", line, maxsplit=1)
        if len(words) == 2:
            first = words[0].split()[0].lower()
            version = re.match(r"\d[\w.]*", words[1])
            out = {"NAME": words[0], "ID": _OLD_IDS.get(first, first), "PRETTY_NAME": line}
            level = re.search(r"^PATCHLEVEL\s*=\s*(\d+)", files.get(name, ""), re.MULTILINE)
            out["VERSION_ID"] = (version[0] if version else "") + (f".{level[1]}" if level else "")
            return out
    for name, (identity, label) in {
        "/etc/alpine-release": ("alpine", "Alpine Linux"),
        "/etc/gentoo-release": ("gentoo", "Gentoo"),
        "/etc/slackware-version": ("slackware", "Slackware"),
        "/etc/openwrt_version": ("openwrt", "OpenWrt"),
    }.items():
        if name in files:
            return {
                "NAME": label,
                "ID": identity,
                "PRETTY_NAME": _line(files, name) if " " in _line(files, name) else "",
            }
    if lsb.get("DISTRIB_ID"):
        return {
            "NAME": lsb["DISTRIB_ID"],
            "ID": lsb["DISTRIB_ID"].lower().replace(" ", ""),
            "VERSION_ID": lsb.get("DISTRIB_RELEASE", ""),
            "PRETTY_NAME": lsb.get("DISTRIB_DESCRIPTION", ""),
        }
    if "/etc/debian_version" in files:
        return {"NAME": "Debian GNU/Linux", "ID": "debian"}
    return {}


def family_of(identity: str, like: str) -> str:
    """Return the family: by the like-list, or where there is none by the id; otherwise a family of its own."""
    if identity in _FAMILY_OF_ID:
        return _FAMILY_OF_ID[identity]
    for words in (like, identity):
        for family, members in _FAMILIES.items():
            if words and any(member in words.lower() for member in members.split()):
                return family
    return identity[:1].upper() + identity[1:].lower()


def distribution_of(name: str, identity: str) -> str:
    """Return the name as configuration management writes it, from the distribution's own."""
    words = name.split()
    lower = name.lower()
    if not words:
        return identity
    if identity == "linuxmint":
        return "Linuxmint"
    if identity == "xcp-ng" or lower.startswith("xcp-ng"):
        return "XCP-ng"
    if lower.startswith(("arch", "manjaro")):
        return "".join(words[:2]).capitalize()
    if lower.startswith(("red", "oracle")):
        return "".join(words[:2])
    if lower.startswith("virtuozzo"):
        return "VirtuozzoLinux"
    return words[-1] if lower.endswith("mariner") else words[0]


def version_of(identity: str, family: str, given: str, files: Mapping[str, str]) -> str:
    """Return the release as exactly as the files tell it."""
    exact: str | None = None
    if identity == "amzn":
        exact = _found(_RELEASE, _line(files, "/etc/system-release"))
    elif identity in ("mariner", "azurelinux"):
        exact = _found(re.compile(r"(\d[\d.]*\d)\s*$"), _line(files, "/etc/mariner-release"))
    elif family == "RedHat" and identity not in ("photon", "mageia"):
        exact = _found(_RELEASE, _line(files, "/etc/redhat-release"))
    elif identity in ("debian", "raspbian"):
        exact = _line(files, "/etc/debian_version")
        if given and not _DOTTED.fullmatch(exact):  # "bookworm/sid" says less than a number
            exact = None
    elif identity == "devuan":
        exact = _found(re.compile(r"(\d[\d.]*)"), _line(files, "/etc/devuan_version"))
    elif identity == "alpine":
        exact = _found(re.compile(r"(\d[\w.]*)"), _line(files, "/etc/alpine-release"))
    elif identity == "gentoo":
        exact = _found(_RELEASE, _line(files, "/etc/gentoo-release"))
    elif identity == "slackware":
        exact = _found(re.compile(r"Slackware (\d[\d.]*)"), _line(files, "/etc/slackware-version"))
    elif identity == "openwrt":
        exact = _found(re.compile(r"(\d+\.\d+\S*)"), _line(files, "/etc/openwrt_version"))
    if exact and (not given or exact.split(".")[0] == given.split(".")[0]):
        return exact
    return given


def _found(pattern: re.Pattern[str], line: str) -> str | None:
    found = pattern.search(line)
    return found[1].rstrip(".") if found else None


def codename_of(os_release: Mapping[str, str], family: str, files: Mapping[str, str]) -> str:
    """Return the release's code name: os-release's, or what the files before it say."""
    if os_release.get("VERSION_CODENAME"):
        return os_release["VERSION_CODENAME"]
    name = os_release.get("NAME", "")
    if family == "RedHat":
        file = "/etc/system-release" if os_release.get("ID") == "amzn" else "/etc/redhat-release"
        found = _found(_PARENTHESES, _line(files, file)) or _found(_PARENTHESES, os_release.get("VERSION", ""))
        return "" if not found or found == name or "Edition" in found else found
    lsb = parse_os_release(files.get("/etc/lsb-release", "")).get("DISTRIB_CODENAME", "")
    found = lsb if lsb.lower() != "n/a" else ""
    return found or _found(_PARENTHESES, os_release.get("VERSION", "")) or ""


def parts_of(version: str, identity: str, like: str, family: str) -> tuple[str, str]:
    """Return release line and point release; a distribution whose release has no smaller part gives "" for it."""
    if not version:
        return "", ""
    ubuntu = identity == "ubuntu" or ("ubuntu" in like.split() and identity != "linuxmint")
    if ubuntu or (family not in _POINT_FAMILIES and identity not in _POINT_IDS):
        return version, ""
    numbers = version.split(".")
    minor = numbers[1] if len(numbers) > 1 else ""
    if family == "Debian" and len(minor) > 1:
        minor = minor.removeprefix("0")
    return numbers[0], minor


def identify(os_release: Mapping[str, str], files: Mapping[str, str]) -> Release:
    """Return distribution and release.

    :param os_release: assignments of os-release; empty where there is none.
    :param files: those of :data:`FILES` that are there, with their content.
    """
    said = dict(os_release) if os_release.get("ID") or os_release.get("NAME") else older(files)
    identity = said.get("ID", "") or "linux"
    like = said.get("ID_LIKE", "")
    family = family_of(identity, like)
    version = version_of(identity, family, said.get("VERSION_ID", ""), files)
    major, minor = parts_of(version, identity, like, family)
    return Release(
        id=identity,
        name=said.get("NAME", ""),
        version=version,
        codename=codename_of(said, family, files),
        like=like.split(),
        description=said.get("PRETTY_NAME", ""),
        distribution=distribution_of(said.get("NAME", ""), identity),
        family=family,
        major=major,
        minor=minor,
        variant=said.get("VARIANT_ID", ""),
        build=said.get("BUILD_ID", ""),
    )


#: ELF machine (elf.h, EM_*) to the names of uname(1) and of Debian, little-endian first.
_MACHINES = {
    3: ("i686", "i386"),
    8: ("mips", "mips"),
    20: ("ppc", "powerpc"),
    21: ("ppc64", "ppc64"),
    22: ("s390x", "s390x"),
    40: ("arm", "armel"),
    43: ("sparc64", "sparc64"),
    62: ("x86_64", "amd64"),
    183: ("aarch64", "arm64"),
    243: ("riscv64", "riscv64"),
    258: ("loongarch64", "loong64"),
}
_LITTLE = {"ppc64": ("ppc64le", "ppc64el"), "mips": ("mipsel", "mipsel")}


def parse_elf(head: bytes, family: str) -> str:
    """Return the architecture of a program, as its distribution names it; "" where it is none that is known.

    :param head: its first 64 bytes; elf(5).
    """
    if len(head) < 52 or head[:4] != b"\x7fELF":
        return ""
    order = "big" if head[5] == 2 else "little"
    machine = int.from_bytes(head[18:20], "big" if order == "big" else "little")
    names = _MACHINES.get(machine)
    if names is None:
        return ""
    if order == "little":
        names = _LITTLE.get(names[0], names)
    if machine == 62 and head[4] == 1:
        names = ("x86_64", "x32")
    if machine == 8 and head[4] == 2:
        names = ("mips64el", "mips64el") if order == "little" else ("mips64", "mips64")
    if machine == 40 and int.from_bytes(head[36:40], "little") & 0x400:
        names = ("armhf", "armhf")  # EF_ARM_ABI_FLOAT_HARD
    return names[1] if family == "Debian" else names[0]
