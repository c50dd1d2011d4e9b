"""Outputs of the operating system's commands, against a peer's expected values, and against this host's own."""

# ruff: noqa: E501  # texts as programs print them

import json
import subprocess
from datetime import UTC, datetime, timedelta, timezone

import pytest
from tests.support.corpora import corpus

from driftline.v1.facts_pb2 import Facts
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.output import all_outputs
from driftline_agent.topics import kernel

OURS = (
    "basesystem",
    "localectl",
    "lsb_release",
    "lsmod",
    "os_release",
    "sestatus",
    "stat",
    "sysctl",
    "timedatectl",
    "uname",
)


def parse(name: str, text: str) -> Facts:
    return all_outputs()[name].parse(text)


def test_when_it_was_installed_as_the_peer_says() -> None:
    expected = json.loads(corpus("hostcmd", "expected", "tasks__inventory__linux__os.json").read_text())
    for name, said in expected["debianinstalldate"].items():
        text = corpus("hostcmd", "resources", "generic", "stat", name).read_text()
        offset = int(text.split()[-1])
        zone = timezone(timedelta(hours=offset // 100, minutes=offset % 100))  # the peer gives the host's local time
        found = parse("stat", text).os.host.installed_at
        assert datetime.fromtimestamp(found, zone).strftime("%Y-%m-%d %H:%M:%S") == said
    for name, said in expected["rpmbasesysteminstalldate"].items():
        text = corpus("hostcmd", "resources", "linux", "packaging", name).read_text()
        found = parse("basesystem", text).os.host.installed_at
        assert datetime.fromtimestamp(found, UTC).strftime("%Y-%m-%d %H:%M:%S") == said


def test_distribution_as_the_peer_says() -> None:
    expected = json.loads(corpus("hostcmd", "expected", "tasks__inventory__linux__distro.json").read_text())
    for name, said in expected["osrelease"].items():
        text = corpus("hostcmd", "resources", "linux", "distro", f"os-release-{name}").read_text()
        found = parse("os_release", text).os.release
        assert found.description == said["FULL_NAME"] and found.name == said["NAME"]
        assert f"{found.version} ({found.codename})" == said["VERSION"]


def test_recordings_of_stat() -> None:
    folder = corpus("hostcmd", "resources", "generic", "stat")
    found = {path.name: parse("stat", path.read_text()).os.host.installed_at for path in folder.iterdir()}
    assert found["old-fedora"] == int(datetime(2013, 12, 22, 21, 47, 33, tzinfo=UTC).timestamp())
    assert found["macos-10.15"] == 1606741594


@pytest.mark.parametrize(
    ("text", "release", "version", "architecture"),
    [
        ("Linux vm 6.1.0-18-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01) x86_64 GNU/Linux", "6.1.0-18-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)", "x86_64"),
        ("Linux a 5.14.0-362.8.1.el9_3.x86_64 #1 SMP PREEMPT_DYNAMIC Wed Nov 8 17:36:32 UTC 2023 x86_64 x86_64 x86_64 GNU/Linux", "5.14.0-362.8.1.el9_3.x86_64", "#1 SMP PREEMPT_DYNAMIC Wed Nov 8 17:36:32 UTC 2023", "x86_64"),
        ("Linux a 6.6.8-0-lts #1-Alpine SMP Thu, 21 Dec 2023 x86_64 Linux", "6.6.8-0-lts", "#1-Alpine SMP Thu, 21 Dec 2023", "x86_64"),
        ("Linux pi 4.19.66-v7+ #1253 SMP Thu Aug 15 11:49:46 BST 2019 armv7l GNU/Linux", "4.19.66-v7+", "#1253 SMP Thu Aug 15 11:49:46 BST 2019", "armv7l"),
        ("Linux z 3.10 #1 SMP s390x s390x s390x GNU/Linux", "3.10", "#1 SMP", "s390x"),
        ("Linux g 6.1 #2 SMP x86_64 unknown unknown GNU/Linux", "6.1", "#2 SMP", "x86_64"),
    ],
)  # fmt: skip
def test_uname(text: str, release: str, version: str, architecture: str) -> None:
    found = parse("uname", text + "\n").os.kernel
    assert (found.name, found.release, found.version, found.architecture) == ("Linux", release, version, architecture)


def test_uname_of_this_host_is_what_the_topic_reads() -> None:
    said = subprocess.run(["uname", "-a"], capture_output=True, text=True, check=True).stdout
    here = kernel.collect(Host()).facts.os.kernel
    found = parse("uname", said).os.kernel
    assert (found.release, found.version, found.architecture) == (here.release, here.version, here.architecture)


def test_sysctl_leaves_out_what_the_topic_does() -> None:
    text = "vm.swappiness = 60\nkernel.tainted = 0\nfs.file-nr = 1\t2\t3\nnet.ipv4.tcp_rmem = 4096\t131072\t6291456\n"
    text += "sysctl: permission denied on key 'x'\nsysctl: reading key \"net.ipv6.conf.all.stable_secret\"\n"
    found = {one.name: one.value for one in parse("sysctl", text).os.sysctls}
    assert found == {"vm.swappiness": "60", "net.ipv4.tcp_rmem": "4096 131072 6291456"}


def test_lsmod() -> None:
    text = "Module                  Size  Used by\nxt_nat   16384  1\nbr_netfilter   32768  0\nbridge 311296  1 br_netfilter\n"
    assert [one.name for one in parse("lsmod", text).os.loaded_modules] == ["br_netfilter", "bridge", "xt_nat"]


TIMEDATECTL = """\
               Local time: Fri 2024-02-02 10:11:12 CET
           Universal time: Fri 2024-02-02 09:11:12 UTC
                 RTC time: Fri 2024-02-02 09:11:12
                Time zone: Europe/Berlin (CET, +0100)
System clock synchronized: yes
              NTP service: active
          RTC in local TZ: no
"""


@pytest.mark.parametrize(
    "text",
    [
        TIMEDATECTL,
        TIMEDATECTL.replace("System clock synchronized", "         NTP synchronized"),
        "Timezone=Europe/Berlin\nLocalRTC=no\nCanNTP=yes\nNTP=yes\nNTPSynchronized=yes\n",
    ],
)
def test_timedatectl(text: str) -> None:
    found = parse("timedatectl", text).os
    assert found.host.time_zone == "Europe/Berlin"
    assert (found.clock.synchronized, found.clock.rtc_in_local_time) == (True, False)


def test_lsb_release() -> None:
    text = "No LSB modules are available.\nDistributor ID:\tUbuntu\nDescription:\tUbuntu 22.04.5 LTS\nRelease:\t22.04\nCodename:\tjammy\n"
    found = parse("lsb_release", text).os.release
    assert (found.id, found.distribution, found.family, found.version) == ("ubuntu", "Ubuntu", "Debian", "22.04")
    assert (found.codename, found.description) == ("jammy", "Ubuntu 22.04.5 LTS")


def test_localectl() -> None:
    text = (
        "   System Locale: LANG=de_DE.UTF-8\n                  LC_TIME=C\n       VC Keymap: n/a\n      X11 Layout: de\n"
    )
    found = parse("localectl", text).os.locale
    assert [(one.name, one.value) for one in found.settings] == [("LANG", "de_DE.UTF-8"), ("LC_TIME", "C")]
    assert (found.keymap, found.layout) == ("", "de")


def test_sestatus() -> None:
    text = "SELinux status:                 enabled\nLoaded policy name:             targeted\nCurrent mode:                   permissive\n"
    text += "Mode from config file:          enforcing\nMax kernel policy version:      33\n"
    found = parse("sestatus", text).os.security.selinux
    assert (found.enabled, found.mode, found.configured_mode) == (True, "permissive", "enforcing")
    assert (found.policy, found.policy_version) == ("targeted", 33)
    assert not parse("sestatus", "SELinux status: disabled\n").os.security.selinux.enabled


@pytest.mark.parametrize("name", OURS)
def test_junk(name: str) -> None:
    for junk in (
        "",
        "\0",
        "\x1b[0m\n" * 100,
        "=" * 9999,
        ":" * 9999,
        "9" * 9999,
        "a b c d e f\n" * 5000,
        "é" * 99,
        "\ufffd = \ufffd",
    ):
        try:
            parse(name, junk).SerializeToString()
        except UnreadableError as error:
            assert str(error)
