"""Outputs of package managers: recordings of real machines, other forms of the same commands, and junk."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.corpora import corpus

from driftline.facts import flatten
from driftline.v1.facts_pb2 import Facts
from driftline_agent.errors import UnreadableError
from driftline_agent.output import all_outputs
from driftline_agent.outputs import apk, apt, dnf, dpkg, equery, flatpak, nix, npm, pacman, pip, rpm, snap

OURS = {"apk", "apt", "dnf", "dpkg", "equery", "flatpak", "nix", "npm", "pacman", "pip", "rpm", "snap"}
FIXTURES = Path(__file__).parents[1] / "fixtures/software"


def packages(facts: Facts) -> dict[str, dict[str, object]]:
    out: dict[str, dict[str, object]] = {}
    for path, value in flatten(facts).items():
        key, _, name = path.rpartition("].")
        out.setdefault(key.partition("[")[2], {})[name] = value
    return out


def recording(*below: str) -> str:
    return corpus("hostcmd", "resources", "linux", *below).read_text()


def test_dpkg_recording() -> None:
    text = recording("packaging", "dpkg")
    found = packages(dpkg.parse(text))
    lines = [line.split("\t") for line in text.splitlines() if "deinstall" not in line]
    assert len(found) == len(lines)
    for name, architecture, version, size, section, *_ in lines:
        one = found[f"dpkg/{name}/{architecture}"]
        assert one["version"] == version
        # The peer calls an unknown size 0, and an unknown section "unknown"; absent is absent here.
        assert one.get("size") == (int(size) * 1024 if size else None)
        assert one.get("section") == (None if section == "unknown" else section)
    assert "dpkg/vlc-nox/amd64" not in found  # its configuration files only are left


def test_rpm_recording() -> None:
    text = recording("packaging", "rpm")
    found = packages(rpm.parse(text))
    lines = [line.split("\t") for line in text.splitlines() if line]
    assert len(found) == len(lines) > 5
    for name, architecture, version, installed_at, size, vendor, _, section in lines:
        one = found[f"rpm/{name}/{architecture}"]
        assert (one["version"], one["installed_at"], one["size"]) == (version, int(installed_at), int(size))
        assert one["vendor"] == vendor
        # "Unspecified" is what rpm says where there is none.
        assert one.get("section") == (None if section == "Unspecified" else section)


def test_pacman_recording() -> None:
    text = recording("packaging", "pacman")
    found = packages(pacman.parse(text))
    assert len(found) == len(re.findall(r"^Name ", text, re.MULTILINE)) == 11
    assert found["pacman/perl/x86_64"] == {
        "version": "5.28.0-1",
        "size": 60261662,  # 57.47 MiB, as the peer has it
        "installed_at": int(datetime(2018, 9, 12, 10, 54, 57, tzinfo=UTC).timestamp()),
        "license": "GPL AND PerlArtistic",
        "section": "base",
        "automatic": False,
        "vendor": found["pacman/perl/x86_64"]["vendor"],
    }
    assert found["pacman/which/x86_64"]["section"] == "base,base-devel"
    assert found["pacman/ca-certificates/any"]["size"] == 1024
    assert "section" not in found["pacman/ca-certificates/any"]
    assert found["pacman/ca-certificates/any"]["automatic"] is True


def test_flatpak_recordings() -> None:
    listed = packages(flatpak.parse(recording("packaging", "flatpak")))
    assert len(listed) == 12
    assert "flatpak/org.freedesktop.Platform.GL.default/@20.08" in listed
    assert "flatpak/org.freedesktop.Platform.GL.default/@20.08@user" in listed
    folder = corpus("hostcmd", "resources", "linux", "packaging")
    infos = sorted(folder.glob("flatpak_*"))
    assert len(infos) == 12
    for path in infos:
        _, name, branch, installation = path.name.split("_")
        ((key, one),) = packages(flatpak.parse(path.read_text())).items()
        user = "@user" if installation == "user" else ""
        assert key == f"flatpak/{name}/x86_64@{branch}{user}"
        assert (one["origin"], one["channel"]) == ("flathub", branch)
        assert len(str(one["revision"])) == 64
    # flatpak counts in thousands (g_format_size); the peer multiplies by 1024, and drops what is behind the comma.
    obs = packages(flatpak.parse((folder / "flatpak_com.obsproject.Studio_stable_user").read_text()))
    assert obs["flatpak/com.obsproject.Studio/x86_64@stable@user"]["size"] == 479_700_000
    # The peer takes the branch for the version where there is none.
    gl = packages(flatpak.parse((folder / "flatpak_org.freedesktop.Platform.GL.default_19.08_system").read_text()))
    assert "version" not in gl["flatpak/org.freedesktop.Platform.GL.default/x86_64@19.08"]


def test_snap_recordings() -> None:
    # The peer leaves out bases and snapd itself; they are packages, and have weaknesses.
    assert set(packages(snap.parse(recording("packaging", "snap")))) == {
        "snap/core18/",
        "snap/kde-frameworks-5-core18/",
        "snap/kdenlive/",
        "snap/scrcpy/",
        "snap/snapd/",
    }
    ((_, scrcpy),) = packages(snap.parse(recording("packaging", "snap_scrcpy"))).items()
    assert scrcpy == {
        "version": "v1.10",
        "revision": "174",
        "channel": "latest/stable",
        "vendor": "sisco311",
        "license": "Apache-2.0",
        "size": 81_000_000,  # snapd counts in thousands (strutil/quantity); the peer multiplies by 1024
        "installed_at": int(datetime.fromisoformat("2019-11-06T14:43:38+01:00").timestamp()),
    }
    ((_, kde),) = packages(snap.parse(recording("packaging", "snap_kde-frameworks-5-core18"))).items()
    assert kde["vendor"] == "KDE" and "license" not in kde


def test_nix_recording() -> None:
    found = packages(nix.parse(recording("packaging", "nix")))
    assert set(found) == {
        "nix/newt/@0.52.15",
        "nix/newt/@0.52.14",
        "nix/python3.5-pycairo/@1.10.0",
        "nix/mmorph/@1.0.9",
        "nix/grilo-plugins/@0.2.13",
        "nix/python3.6-decorator/@4.0.11",
        "nix/xf86miscproto/@0.9.3",
    }


@pytest.mark.parametrize("name", ["gentoo1", "gentoo2"])
def test_equery_recordings_have_no_packages(name: str) -> None:
    with pytest.raises(UnreadableError, match="its version"):
        equery.parse(recording("equery", name))


def test_pacman_of_this_repository() -> None:
    found = packages(pacman.parse((FIXTURES / "pacman-6.0-Qi").read_text()))
    assert set(found) == {"pacman/sample/any", "pacman/sample-libs/any"}
    assert found["pacman/sample-libs/any"]["automatic"] is True
    assert found["pacman/sample/any"]["version"] == "1:1.4-2"


#: Lines in the forms of the manual pages and sources of the tools.
FORMS = {
    "dpkg -l": (
        dpkg.parse,
        "Desired=Unknown/Install/Remove/Purge/Hold\n||/ Name   Version   Architecture Description\n"
        "ii  libc6:amd64  2.36-9+deb12u4  amd64  GNU C Library\nhi  curl 7.88.1-10 amd64 tool\n"
        "rc  gone 1.0 all configuration only\nun  never <none> <none> (no description available)\n",
        {
            "dpkg/libc6/amd64": {"version": "2.36-9+deb12u4"},
            "dpkg/curl/amd64": {"version": "7.88.1-10", "held": True},
        },
    ),
    "dpkg-query -W": (
        dpkg.parse,
        "adduser\t3.134\nlibc6:amd64\t2.36-9\nnot-installed\t\n",
        {"dpkg/adduser/": {"version": "3.134"}, "dpkg/libc6/amd64": {"version": "2.36-9"}},
    ),
    "apt": (
        apt.parse,
        "Listing... Done\nadduser/stable,now 3.134 all [installed,automatic]\n"
        "curl/stable-security,now 7.88.1-10+deb12u6 amd64 [upgradable from: 7.88.1-10+deb12u5]\n"
        "left/now 1.0 amd64 [residual-config]\nlocal/now 2.0 amd64 [installed,local]\n",
        {
            "dpkg/adduser/all": {"version": "3.134", "repository": "stable", "automatic": True},
            "dpkg/curl/amd64": {"version": "7.88.1-10+deb12u5"},
            "dpkg/local/amd64": {"version": "2.0", "automatic": False},
        },
    ),
    "rpm -qa": (
        rpm.parse,
        "bash-5.1.8-6.el9.x86_64\ngpg-pubkey-350d275d-6279464b\nkernel-core-5.14.0-427.el9.x86_64\n"
        "NetworkManager-1:1.46.0-8.el9.x86_64\n1:perl-libs-5.32.1-481.el9.x86_64\n",
        {
            "rpm/bash/x86_64": {"version": "5.1.8-6.el9"},
            "rpm/gpg-pubkey/@350d275d-6279464b": {"version": "350d275d-6279464b"},
            "rpm/kernel-core/x86_64@5.14.0-427.el9": {"version": "5.14.0-427.el9"},
            "rpm/NetworkManager/x86_64": {"version": "1:1.46.0-8.el9"},
            "rpm/perl-libs/x86_64": {"version": "1:5.32.1-481.el9"},
        },
    ),
    "rpm -qa --last": (
        rpm.parse,
        "bash-5.1.8-6.el9.x86_64                      Tue 14 May 2024 09:12:33 AM UTC\n",
        {"rpm/bash/x86_64": {"version": "5.1.8-6.el9"}},
    ),
    "rpm -qai": (
        rpm.parse,
        "Name        : bash\nEpoch       : 1\nVersion     : 5.1.8\nRelease     : 6.el9\nArchitecture: x86_64\n"
        "Install Date: Tue 14 May 2024 09:12:33 AM UTC\nGroup       : Unspecified\nSize        : 7738634\n"
        "License     : GPLv3+\nSource RPM  : bash-5.1.8-6.el9.src.rpm\n"
        "Vendor      : Rocky Enterprise Software Foundation\n"
        "Summary     : The GNU Bourne Again shell\nDescription :\nA shell.\n\nVersion     : not this one\n",
        {
            "rpm/bash/x86_64": {
                "version": "1:5.1.8-6.el9",
                "size": 7738634,
                "license": "GPLv3+",
                "vendor": "Rocky Enterprise Software Foundation",
            }
        },
    ),
    "our rpm": (
        rpm.parse,
        "libalpha0\tnoarch\t2:1.2-3.el9\t1795522898\t0\t(none)\tMIT\talpha-1.2-3.el9.src.rpm\n",
        {
            "rpm/libalpha0/noarch": {
                "version": "2:1.2-3.el9",
                "installed_at": 1795522898,
                "size": 0,
                "license": "MIT",
                "source": "alpha",
            }
        },
    ),
    "dnf": (
        dnf.parse,
        "Installed Packages\nNetworkManager.x86_64     1:1.46.0-8.el9_4    @baseos\n"
        "a-very-long-name-of-a-package.noarch\n                 1.0-1.el9   @appstream\nlocal.noarch 1-1  @System\n",
        {
            "rpm/NetworkManager/x86_64": {"version": "1:1.46.0-8.el9_4", "repository": "baseos"},
            "rpm/a-very-long-name-of-a-package/noarch": {"version": "1.0-1.el9", "repository": "appstream"},
            "rpm/local/noarch": {"version": "1-1"},
        },
    ),
    "pacman -Q": (
        pacman.parse,
        "bash 5.2.026-2\nlinux 6.8.1.arch1-1 [ignored]\ncontainers-common 1:0.57.4-1\n",
        {
            "pacman/bash/": {"version": "5.2.026-2"},
            "pacman/linux/": {"version": "6.8.1.arch1-1", "held": True},
            "pacman/containers-common/": {"version": "1:0.57.4-1"},
        },
    ),
    "flatpak list": (
        flatpak.parse,
        "VSCodium\tcom.vscodium.codium\t1.52.1\tstable\tflathub\tsystem\n",
        {
            "flatpak/com.vscodium.codium/@stable": {"version": "1.52.1", "channel": "stable", "origin": "flathub"},
        },
    ),
    "flatpak list with a header": (
        flatpak.parse,
        "Name\tApplication ID\tVersion\tBranch\tArch\tInstallation\nX\torg.x.X\t1\tbeta\tx86_64\tuser\n",
        {"flatpak/org.x.X/x86_64@beta@user": {"version": "1", "channel": "beta"}},
    ),
    "snap list": (
        snap.parse,
        "Name  Version  Rev  Tracking  Publisher  Notes\ncode  1.9  160  latest/stable  vscode✓  classic\n"
        "lxd  5.21  2  5.21/stable  canonical**  held\nold  1  3  latest/stable  x  disabled\n"
        "mine  1  x1  -  -  devmode\n",
        {
            "snap/code/": {
                "version": "1.9",
                "revision": "160",
                "channel": "latest/stable",
                "vendor": "vscode",
                "confinement": "classic",
            },
            "snap/lxd/": {
                "version": "5.21",
                "revision": "2",
                "channel": "5.21/stable",
                "vendor": "canonical",
                "held": True,
            },
            "snap/mine/": {"version": "1", "revision": "x1", "confinement": "devmode"},
        },
    ),
    "equery": (
        equery.parse,
        " * Searching for * ...\n[IP-] [  ] app-shells/bash-5.1_p16-r6:0\n[IP-] [  ] dev-lang/python-3.11.9:3.11\n",
        {
            "portage/app-shells\\/bash/": {"version": "5.1_p16-r6"},
            "portage/dev-lang\\/python/@3.11": {"version": "3.11.9"},
        },
    ),
    "qlist": (equery.parse, "sys-apps/portage-3.0.63\n", {"portage/sys-apps\\/portage/": {"version": "3.0.63"}}),
    "apk list": (
        apk.parse,
        "libcrypto3-3.1.4-r5 x86_64 {openssl} (Apache-2.0) [installed]\nnew-1.0-r0 x86_64 {new} (MIT)\n",
        {"apk/libcrypto3/x86_64": {"version": "3.1.4-r5", "source": "openssl", "license": "Apache-2.0"}},
    ),
    "apk info": (apk.parse, "musl-1.2.4-r2 - the musl c library\n", {"apk/musl/": {"version": "1.2.4-r2"}}),
    "pip json": (
        pip.parse,
        '[{"name": "Foo_Bar", "version": "1.0", "editable_project_location": "/x"}]\n\n[notice] A new release',
        {"pypi//foo-bar": {"version": "1.0"}},
    ),
    "pip columns": (
        pip.parse,
        "Package    Version Editable project location\n---------- ------- ---\nrequests   2.31.0\nmine 0.1 /src\n",
        {"pypi//requests": {"version": "2.31.0"}, "pypi//mine": {"version": "0.1"}},
    ),
    "pip freeze": (pip.parse, "requests==2.31.0\n# comment\n", {"pypi//requests": {"version": "2.31.0"}}),
    "npm json": (
        npm.parse,
        '{"name": "lib", "dependencies": {"npm": {"version": "10.2.4"}, "@a/b": {"version": "1.0.0"}}}',
        {"npm//npm": {"version": "10.2.4"}, "npm//@a\\/b": {"version": "1.0.0"}},
    ),
    "npm tree": (
        npm.parse,
        "/usr/lib\n├── corepack@0.34.6\n└─┬ @a/b@1.0.0 -> ./x\n  └── inner@2.0.0\n",
        {
            "npm/\\/usr\\/lib\\/node_modules/corepack": {"version": "0.34.6"},
            "npm/\\/usr\\/lib\\/node_modules/@a\\/b": {"version": "1.0.0"},
        },
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms(form: str) -> None:
    parse, text, expected = FORMS[form]
    found = packages(parse(text))
    if form in ("rpm -qa --last", "rpm -qai"):  # with a time of the locale
        for one in found.values():
            one.pop("installed_at", None)
    assert found == expected


JUNK = [
    "",
    "\n\n",
    "command not found\n",
    "\0\1\2\xff" * 1000,
    "a\t" * 5000,
    "\t\t\t\n" * 100,
    "[" * 5000,
    '{"a":' * 2000,
    "x" * 200_000,
    "name: " + "-" * 50_000,
    "Name : \nVersion :\n" * 50,
    "ID: \n" * 100,
    "/nix/store/" + "0" * 32 + "-\n",
    '[null, 1, {}, {"name": 5}]',
    '{"dependencies": {"a": null, "b": {"version": {}}}}',
    "\ud7ff\u2028\u0085",
    "99999999999999999999999\t" * 8,
]


@pytest.mark.parametrize("name", sorted(OURS))
@pytest.mark.parametrize("number", range(len(JUNK)))
def test_junk_is_refused_or_gives_nothing_wrong(name: str, number: int) -> None:
    try:
        facts = all_outputs()[name].parse(JUNK[number])
    except UnreadableError as error:
        assert str(error).startswith(name)
        return
    flatten(facts)  # keys are whole and unique


@pytest.mark.parametrize("form", FORMS)
def test_truncated_outputs(form: str) -> None:
    parse, text, _ = FORMS[form]
    for end in range(0, len(text), 7):
        try:
            flatten(parse(text[:end]))
        except UnreadableError:
            continue


def test_each_command_says_how_it_must_have_been_run() -> None:
    for name in OURS:
        assert name in all_outputs()[name].command or name in ("equery", "nix")
