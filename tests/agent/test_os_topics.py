"""The topics of the operating system: parsers, and small hosts written in the form of the man pages."""

# ruff: noqa: E501  # texts as programs print them

import os
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from driftline.facts import elements
from driftline.v1.collector_pb2 import READ
from driftline.v1.facts_pb2 import Facts, Os
from driftline_agent import dropins
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.inventory import read_topic
from driftline_agent.topic import all_topics
from driftline_agent.topics import clock, init, kernel, limits, locale, modules, names, sysctl, updates


def grow(root: Path, files: Mapping[str, str], links: Mapping[str, str] | None = None) -> Host:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name, target in (links or {}).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)
    return Host(str(root))


def facts(topic: str, host: Host) -> Facts:
    result = read_topic(topic, all_topics()[topic], host, bytes(32))
    assert result.outcome == READ and result.reading is not None, result.section.reason
    return result.reading.facts


def os_of(topic: str, host: Host) -> Os:
    return facts(topic, host).os


def drifting(topic: str, host: Host) -> dict[str, bytes]:
    return {path: item.content for path, item in elements(facts(topic, host)).items()}


def test_taints() -> None:
    assert kernel.parse_taints(0) == []
    assert kernel.parse_taints(1 | 1 << 12 | 1 << 13) == ["out-of-tree module", "proprietary module", "unsigned module"]
    assert kernel.parse_taints(1 << 40) == ["bit 40"]
    assert len(kernel.parse_taints((1 << 200) - 1)) == 64


MODULES = """\
nvidia 56823808 1017 nvidia_modeset, Live 0x0000000000000000 (POE)
e1000e 286720 0 - Live 0x0000000000000000
zfs 4000000 6 - Live 0x0 (PO)
broken
"""


def test_loaded_modules_and_their_marks() -> None:
    found = {module.name: module for module in modules.parse_loaded(MODULES)}
    assert list(found) == ["e1000e", "nvidia", "zfs"]
    assert (found["nvidia"].proprietary, found["nvidia"].out_of_tree, found["nvidia"].unsigned) == (True, True, True)
    assert not found["e1000e"].HasField("proprietary")
    assert not found["zfs"].HasField("unsigned")


def test_modules_that_come_and_go_do_not_drift(tmp_path: Path) -> None:
    files = {
        "proc/modules": MODULES,
        "etc/modprobe.d/a.conf": "blacklist floppy\n",
        "sys/module/zfs/version": "2.1.11\n",
    }
    host = grow(tmp_path, files)
    assert {module.name: module.version for module in os_of("modules", host).loaded_modules}["zfs"] == "2.1.11"
    before = drifting("modules", host)
    assert drifting("modules", grow(tmp_path, {"proc/modules": "loop 1 0 - Live 0x0\n"})) == before
    assert drifting("modules", grow(tmp_path, {"etc/modprobe.d/a.conf": "blacklist pcspkr\n"})) != before


def test_settings_of_modules(tmp_path: Path) -> None:
    host = grow(
        tmp_path,
        {
            "etc/modprobe.d/a.conf": "# c\nblacklist pc-spkr\noptions snd-hda-intel \\\n  power_save=1\nalias eth0 e1000e\n"
            "install usb-storage /bin/false\nremove x /bin/true\nsoftdep a pre: b\nnonsense\noptions\n",
            "etc/modprobe.d/b.conf": "options snd_hda_intel model=x\n",
            "etc/modprobe.d/c.txt": "blacklist never\n",
            "usr/lib/modprobe.d/a.conf": "blacklist hidden\n",
            "etc/modules-load.d/x.conf": "; c\nbr_netfilter\n",
            "etc/modules": "# c\nloop max_loop=8\n",
            "etc/conf.d/modules": 'modules="fuse tun"\n',
        },
    )
    found = {setting.name: setting for setting in os_of("modules", host).module_settings}
    assert sorted(found) == [
        "br_netfilter", "eth0", "fuse", "loop", "pc_spkr", "snd_hda_intel", "tun", "usb_storage", "x",
    ]  # fmt: skip
    assert found["pc_spkr"].blacklisted and found["eth0"].alias_of == "e1000e"
    assert found["snd_hda_intel"].options == "power_save=1 model=x"
    assert found["usb_storage"].install == "/bin/false"
    assert found["loop"].loaded_at_boot and found["loop"].options == "max_loop=8"


def test_security(tmp_path: Path) -> None:
    host = grow(
        tmp_path,
        {
            "proc/sys/kernel/ostype": "Linux\n",
            "proc/sys/crypto/fips_enabled": "1\n",
            "sys/kernel/security/lsm": "lockdown,capability,yama,selinux",
            "sys/kernel/security/lockdown": "none [integrity] confidentiality\n",
            "sys/fs/selinux/enforce": "0",
            "sys/fs/selinux/policyvers": "33",
            "etc/selinux/config": "# c\nSELINUX=enforcing\nSELINUXTYPE=targeted\n",
            "etc/crypto-policies/config": "# c\nFUTURE\n",
            "sys/module/apparmor/parameters/enabled": "Y\n",
            "sys/kernel/security/apparmor/profiles": "docker-default (enforce)\n/usr/bin/man (complain)\nbroken\n",
        },
    )
    found = os_of("security", host).security
    assert list(found.modules) == ["lockdown", "capability", "yama", "selinux"]
    assert (found.fips, found.lockdown, found.crypto_policy) == (True, "integrity", "FUTURE")
    selinux = found.selinux
    assert (selinux.enabled, selinux.mode, selinux.configured_mode) == (True, "permissive", "enforcing")
    assert (selinux.policy, selinux.policy_version) == ("targeted", 33)
    assert [(profile.name, profile.mode) for profile in found.apparmor.profiles] == [
        ("/usr/bin/man", "complain"),
        ("docker-default", "enforce"),
    ]
    before = drifting("security", host)
    assert drifting("security", grow(tmp_path, {"sys/kernel/security/apparmor/profiles": ""})) == before
    assert drifting("security", grow(tmp_path, {"sys/fs/selinux/enforce": "1"})) != before


def test_a_host_without_any_of_it(tmp_path: Path) -> None:
    found = os_of("security", grow(tmp_path, {"proc/sys/kernel/ostype": "Linux\n", "sys/fs/cgroup/x": ""})).security
    assert (found.fips, found.selinux.enabled) == (False, False)
    assert not found.HasField("apparmor") and not found.lockdown


def test_locale(tmp_path: Path) -> None:
    files = {
        "etc/default/locale": '#  File\nexport LANG="de_DE.UTF-8"\nLC_TIME=en_GB.UTF-8\nFOO=1\n',
        "etc/default/keyboard": 'XKBMODEL="pc105"\nXKBLAYOUT="de"\nXKBVARIANT=""\n',
        "etc/vconsole.conf": "KEYMAP=de-latin1\n",
    }
    found = os_of("locale", grow(tmp_path, files)).locale
    assert [(one.name, one.value) for one in found.settings] == [("LANG", "de_DE.UTF-8"), ("LC_TIME", "en_GB.UTF-8")]
    assert (found.keymap, found.layout, found.model, found.variant) == ("de-latin1", "de", "pc105", "")
    assert locale.parse_xorg(' Option "XkbLayout" "us,de"\n Option "XkbOptions" "a:b"\n') == {
        "layout": "us,de",
        "options": "a:b",
    }
    assert [(one.name, one.value) for one in locale.parse_locale('RC_LANG="POSIX"\n')] == [("LANG", "POSIX")]


CHRONY = """\
! c
pool 2.debian.pool.ntp.org iburst
server 192.0.2.1 iburst key 1
refclock PPS /dev/pps0 lock NMEA
peer -4 b.example.org
confdir /etc/chrony/conf.d
sourcedir /run/chrony-dhcp
sourcedir /etc/chrony/sources.d
makestep 1 3
"""


def test_clock_of_chrony(tmp_path: Path) -> None:
    host = grow(
        tmp_path,
        {
            "etc/chrony/chrony.conf": CHRONY,
            "etc/chrony/sources.d/x.sources": "server c.example.org\n",
            "run/chrony-dhcp/eth0.sources": "server 10.0.0.1\n",
            "etc/adjtime": "0.0 0 0.0\n0\nLOCAL\n",
            ".commands/chronyc -c tracking": "C0000201,192.0.2.1,3,1700000000.1,0,0,0,0,0,0,0,0,0,Normal\n",
        },
        {"etc/systemd/system/multi-user.target.wants/chronyd.service": "/usr/lib/systemd/system/chronyd.service"},
    )
    found = os_of("clock", host).clock
    assert (found.client, found.synchronized, found.rtc_in_local_time) == ("chrony", True, True)
    assert [(source.address, source.kind, source.options) for source in found.sources] == [
        ("192.0.2.1", "server", "iburst key 1"),
        ("2.debian.pool.ntp.org", "pool", "iburst"),
        ("PPS /dev/pps0", "reference clock", "lock NMEA"),
        ("b.example.org", "peer", ""),
        ("c.example.org", "server", ""),
    ]
    before = drifting("clock", host)
    (tmp_path / ".commands/chronyc -c tracking").write_text("0,,0,0,0,0,0,0,0,0,0,0,0,Not synchronised\n")
    again = Host(str(tmp_path))
    assert drifting("clock", again) == before and not os_of("clock", again).clock.synchronized


def test_clock_of_timesyncd(tmp_path: Path) -> None:
    host = grow(
        tmp_path,
        {
            "etc/systemd/timesyncd.conf": "[Time]\n#NTP=x\nNTP=a.example.org b.example.org\n[Other]\nNTP=no\n",
            "etc/systemd/timesyncd.conf.d/y.conf": "[Time]\nNTP=\nNTP=c.example.org\nFallbackNTP=d.example.org\n",
            "run/systemd/timesync/synchronized": "",
        },
        {
            "etc/systemd/system/sysinit.target.wants/systemd-timesyncd.service": "/lib/systemd/system/systemd-timesyncd.service"
        },
    )
    found = os_of("clock", host).clock
    assert (found.client, found.synchronized) == ("timesyncd", True)
    assert [(source.address, source.kind) for source in found.sources] == [
        ("c.example.org", "server"),
        ("d.example.org", "fallback"),
    ]
    assert not found.HasField("rtc_in_local_time")


@pytest.mark.parametrize(
    ("links", "client"),
    [
        ({"etc/systemd/system/multi-user.target.wants/ntp.service": "/lib/systemd/system/ntpsec.service"}, "ntpsec"),
        ({"etc/systemd/system/multi-user.target.wants/ntpd.service": "/usr/lib/systemd/system/ntpd.service"}, "ntpd"),
        ({"etc/rc2.d/S01ntp": "../init.d/ntp"}, "ntpd"),
        ({"etc/rc2.d/K01ntp": "../init.d/ntp"}, ""),
        ({"etc/runlevels/default/chronyd": "/etc/init.d/chronyd"}, "chrony"),
        ({}, ""),
    ],
)
def test_who_keeps_the_clock(links: Mapping[str, str], client: str, tmp_path: Path) -> None:
    assert clock.client_of(grow(tmp_path, {"etc/hostname": "a\n"}, links)) == client


def test_a_unit_that_is_enabled_later_is_seen(tmp_path: Path) -> None:
    links = {"etc/systemd/system/multi-user.target.wants/a.service": "/lib/systemd/system/a.service"}
    host = grow(tmp_path, {}, links)
    wants = tmp_path / "etc/systemd/system/multi-user.target.wants"
    os.utime(wants, (1, 1))
    os.utime(wants.parent, (1, 1))
    assert dropins.wanted(host) == {"a.service": "a.service"}
    (wants / "b.service").symlink_to("/lib/systemd/system/b.service")
    (wants.parent / "x.target.requires").mkdir()
    (wants.parent / "x.target.requires/c.service").symlink_to("/lib/systemd/system/c.service")
    assert set(dropins.wanted(host)) == {"a.service", "b.service", "c.service"}


def test_words_of_ntp_programs() -> None:
    assert clock.parse_variables("associd=0 status=0615 leap_none, sync_ntp, 1 event, clock_sync,") is True
    assert clock.parse_variables("associd=0 status=c016 leap_alarm, sync_unspec, 1 event, restart,") is False
    assert clock.parse_ntpctl("4/4 peers valid, 1/1 sensors valid, clock synced, stratum 3") is True
    assert clock.parse_ntpctl("0/4 peers valid, clock unsynced") is False
    for parse in (clock.parse_variables, clock.parse_tracking, clock.parse_ntpctl):
        assert parse("") is None and parse("\0junk") is None
    (source,) = clock.parse_sources("server 127.127.28.0 minpoll 4\n")
    assert source.kind == "reference clock"


def test_init(tmp_path: Path) -> None:
    files = {
        "proc/1/comm": "systemd\n",
        "run/systemd/system/x": "",
        "usr/lib/systemd/libsystemd-shared-255.4-1ubuntu8.4.so": "",
        "etc/systemd/system.conf": "[Manager]\n#DefaultLimitNOFILE=1024:524288\nDefaultTimeoutStopSec=10s\n",
        "etc/systemd/system.conf.d/l.conf": "[Manager]\nDefaultLimitNOFILE=65536\n",
    }
    host = grow(tmp_path, files, {"etc/systemd/system/default.target": "/lib/systemd/system/multi-user.target"})
    found = os_of("init", host).init
    assert (found.name, found.version, found.default_target) == ("systemd", "255.4", "multi-user.target")
    assert [(one.name, one.value) for one in found.settings] == [
        ("DefaultLimitNOFILE", "65536"),
        ("DefaultTimeoutStopSec", "10s"),
    ]


@pytest.mark.parametrize(
    ("files", "links", "name", "target"),
    [
        ({"proc/1/comm": "init\n", "etc/inittab": "id:2:initdefault:\n"}, {}, "sysvinit", "runlevel 2"),
        ({"proc/1/comm": "init\n", "run/openrc/softlevel": "default"}, {}, "openrc", ""),
        ({"proc/1/comm": "init\n"}, {"sbin/init": "/bin/busybox"}, "busybox", ""),
        ({"proc/1/comm": "runit\n"}, {}, "runit", ""),
        ({"proc/1/comm": "nginx\n"}, {}, "nginx", ""),
        ({"etc/inittab": "# id:3:initdefault:\n::sysinit:/sbin/openrc\n"}, {}, "", ""),
    ],
)
def test_other_inits(
    files: Mapping[str, str], links: Mapping[str, str], name: str, target: str, tmp_path: Path
) -> None:
    found = os_of("init", grow(tmp_path, files, links)).init
    assert (found.name, found.default_target) == (name, target)


def test_versions_of_systemd() -> None:
    for library, version in (
        ("libsystemd-shared-252.so", "252"),
        ("libsystemd-shared-257.9-2.fc42.so", "257.9"),
        ("libsystemd-shared-239.so", "239"),
        ("libsystemd.so.0", ""),
    ):
        assert init.parse_version([library]) == version


def test_limits() -> None:
    main = "# c\n*  soft core 0\n* hard core 0\n@users - nproc 50 # c\nbad line\nftp -\nroot what nofile 1\n"
    found = [
        (one.domain, one.type, one.item, one.value) for one in limits.parse_limits([main, "* soft core unlimited\n"])
    ]
    assert found == [
        ("*", "hard", "core", "0"),
        ("*", "soft", "core", "unlimited"),
        ("@users", "-", "nproc", "50"),
        ("ftp", "-", "all", "unlimited"),
    ]


def test_hosts() -> None:
    text = (
        "127.0.0.1 localhost\n::1 localhost ip6-localhost # c\n0:0::1 again\n999.1.1.1 no\n10.0.0.1\nfe80::1%lo0 zone\n"
    )
    found = {entry.address: list(entry.names) for entry in names.parse_hosts(text)}
    assert found == {
        "127.0.0.1": ["localhost"],
        "::1": ["localhost", "ip6-localhost", "again"],
        "fe80::1%lo0": ["zone"],
    }


def test_nsswitch() -> None:
    text = "passwd: files sss\n# c\nhosts:  files mdns4_minimal [NOTFOUND=return] dns [!UNAVAIL=return] myhostname # c\nx\n"
    found = {service.database: list(service.sources) for service in names.parse_nsswitch(text)}
    assert found["passwd"] == ["files", "sss"]
    assert found["hosts"] == ["files", "mdns4_minimal", "[NOTFOUND=return]", "dns", "[!UNAVAIL=return]", "myhostname"]


KNOWN = ["net.ipv4.conf.all.rp_filter", "net.ipv4.conf.eth0.rp_filter", "net.ipv4.ip_forward", "vm.swappiness"]


def test_configured_settings() -> None:
    texts = [
        "# c\n; c\nnet.ipv4.conf.*.rp_filter = 2\nvm.swappiness=10\n-kernel.absent = 1\n",
        "net/ipv4/ip_forward = 1\nvm.swappiness = 20\nnet.ipv4.conf.all.rp_filter=1\nnonsense\n",
    ]
    assert sysctl.parse_configured(texts, KNOWN) == {
        "net.ipv4.conf.all.rp_filter": "1",
        "net.ipv4.conf.eth0.rp_filter": "2",
        "net.ipv4.ip_forward": "1",
        "vm.swappiness": "20",
        "kernel.absent": "1",
    }
    excluded = ["net.ipv4.conf.*.rp_filter = 2\n-net.ipv4.conf.all.rp_filter\n"]
    assert sysctl.parse_configured(excluded, KNOWN) == {"net.ipv4.conf.eth0.rp_filter": "2"}


def test_configured_beside_running(tmp_path: Path) -> None:
    host = grow(
        tmp_path,
        {
            "proc/sys/vm/swappiness": "60\n",
            "proc/sys/net/ipv4/ip_forward": "0\n",
            "etc/sysctl.d/a.conf": "vm.swappiness = 10\nnet.netfilter.nf_conntrack_max = 5\n",
            "usr/lib/sysctl.d/a.conf": "vm.swappiness = 99\n",
            "etc/sysctl.conf": "net.ipv4.ip_forward = 1\n",
        },
    )
    found = {one.name: (one.value, one.configured) for one in os_of("sysctl", host).sysctls}
    assert found == {
        "vm.swappiness": ("60", "10"),
        "net.ipv4.ip_forward": ("0", "1"),
        "net.netfilter.nf_conntrack_max": ("", "5"),
    }


def test_a_name_given_and_a_mode_switched_at_run_time_are_noticed(tmp_path: Path) -> None:
    files = {"proc/sys/kernel/hostname": "a\n", "proc/sys/kernel/ostype": "Linux\n", "sys/fs/selinux/enforce": "1"}
    host = grow(tmp_path, files)
    for topic, path in (("host", "proc/sys/kernel/hostname"), ("security", "sys/fs/selinux/enforce")):
        tell = all_topics()[topic].tell
        assert tell is not None
        before = tell(host)
        assert before and tell(host) == before
        (tmp_path / path).write_text("0\n")
        assert tell(host) != before


def test_of_this_host_nothing_moves_by_itself() -> None:
    host = Host()
    asked = {name: topic.tell for name, topic in all_topics().items() if topic.tell is not None}
    assert {"host", "security", "updates"} <= asked.keys()
    before = {name: tell(host) for name, tell in asked.items()}
    assert {name: tell(host) for name, tell in asked.items()} == before


APT = """\
NOTE: This is only a simulation!
Inst base-files [12.4+deb12u11] (12.4+deb12u12 Debian:12.12/oldstable [amd64])
Inst libssl3 [3.0.16-1] (3.0.17-1~deb12u2 Debian-Security:12/oldstable-security, Debian:12.12/oldstable [amd64]) []
Inst linux-image-6.1.0-40-amd64 (6.1.153-1 Debian:12.12/oldstable [amd64])
Inst tzdata [2025a-0+deb12u1] (2025b-0+deb12u2 Debian:12.12/oldstable [all])
Inst libc6:i386 [2.36-9] (2.36-10 Debian:12.12/oldstable [i386])
Conf base-files (12.4+deb12u12 Debian:12.12/oldstable [amd64])
"""


def test_updates_of_apt() -> None:
    found = updates.parse_apt(APT)
    assert [(one.name, one.architecture, one.version) for one in found.packages] == [
        ("base-files", "amd64", "12.4+deb12u12"),
        ("libc6", "i386", "2.36-10"),
        ("libssl3", "amd64", "3.0.17-1~deb12u2"),
        ("tzdata", "all", "2025b-0+deb12u2"),
    ]
    assert (found.available, found.security) == (4, 1)
    assert found.packages[2].origin == "Debian-Security:12/oldstable-security"


def test_updates_of_others() -> None:
    pacman = updates.parse_pacman("openssl 3.2.0-1 -> 3.2.1-1\nlinux 6.7-1 -> 6.8-1 [ignored]\n:: junk\n")
    assert [(one.name, one.version) for one in pacman.packages] == [("openssl", "3.2.1-1")]
    apk = updates.parse_apk("Installed:  Available:\nmusl-utils-1.2.4-r2 < 1.2.4_git20230717-r4\n")
    assert [(one.name, one.version) for one in apk.packages] == [("musl-utils", "1.2.4_git20230717-r4")]
    note = updates.parse_note(
        "12 updates can be applied immediately.\n3 of these updates are standard security updates.\n"
    )
    assert note is not None and (note.available, note.security) == (12, 3)
    older = updates.parse_note("5 packages can be updated.\n2 updates are security updates.\n")
    assert older is not None and (older.available, older.security) == (5, 2)
    assert updates.parse_note("") is None


class Answering(Host):
    """A running host whose package manager is asked in our stead."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.asked = 0
        self.answer: str | None = APT
        self.may_answer = threading.Event()

    @property
    def live(self) -> bool:
        return True

    def run(self, *command: str, timeout: float = 5.0) -> str | None:
        self.asked += 1
        assert self.may_answer.wait(30)
        if self.answer is None:
            raise UnreadableError("apt-get: exit code 100")
        return self.answer


def settle(host: Answering) -> None:
    host.may_answer.set()
    for thread in threading.enumerate():
        if thread.name == "updates":
            thread.join(30)


def test_updates_are_asked_for_once_and_in_the_background(tmp_path: Path) -> None:
    grow(tmp_path, {"var/lib/dpkg/status": "", "var/lib/apt/lists/x": ""})
    host = Answering(str(tmp_path))
    first = updates.collect(host)
    assert host.asked == 0 and "second inventory" in first.unreadable["os.updates"]
    assert "second inventory" in updates.collect(host).unreadable["os.updates"]
    settle(host)
    assert host.asked == 1 and updates.tell(host) == 1
    assert updates.collect(host).facts.os.updates.available == 4
    updates.collect(host)
    settle(host)
    assert host.asked == 1 and updates.tell(host) == 1
    os.utime(tmp_path / "var/lib/dpkg/status", (1, 1))
    host.answer = None
    updates.collect(host)
    settle(host)
    assert host.asked == 2
    assert updates.collect(host).unreadable == {"os.updates": "apt-get: exit code 100"}


JUNK = [
    "",
    "\0" * 100,
    "\x1b[31m",
    "[" * 5000,
    "=" * 5000,
    "a" * 100_000,
    "\n" * 1000,
    "é\ud800".encode("utf-8", "replace").decode(),
    "\\\n" * 500,
    " " * 300_000 + "x",
    "[" * 300_000,
    "9" * 300_000,
]


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
@pytest.mark.parametrize(
    "topic",
    ["clock", "init", "kdump", "limits", "locale", "modules", "names", "release", "security", "sysctl", "updates"],
)
def test_junk_in_every_file(topic: str, junk: str, tmp_path: Path) -> None:
    files = [
        "etc/os-release", "etc/debian_version", "etc/redhat-release", "bin/sh", "etc/hosts", "etc/nsswitch.conf",
        "etc/security/limits.conf", "etc/security/limits.d/a.conf", "etc/locale.conf", "etc/vconsole.conf",
        "etc/default/keyboard", "etc/X11/xorg.conf.d/00-keyboard.conf", "etc/chrony/chrony.conf", "etc/adjtime",
        "etc/systemd/timesyncd.conf", "etc/systemd/system.conf", "etc/inittab", "proc/1/comm", "proc/modules",
        "etc/modprobe.d/a.conf", "etc/modules", "etc/modules-load.d/a.conf", "etc/selinux/config", "etc/sysctl.conf",
        "sys/fs/selinux/enforce", "sys/fs/selinux/policyvers", "sys/kernel/security/lsm", "sys/kernel/security/lockdown",
        "sys/module/apparmor/parameters/enabled", "sys/kernel/security/apparmor/profiles", "proc/sys/vm/x", "var/lib/dpkg/status",
        "etc/sysctl.d/a.conf", "sys/kernel/kexec_crash_size", "sys/kernel/kexec_crash_loaded", "etc/default/kdump-tools",
        ".commands/chronyc -c tracking", f".commands/{' '.join(updates._APT)}", "proc/sys/crypto/fips_enabled",
    ]  # fmt: skip
    links = {"etc/systemd/system/multi-user.target.wants/chrony.service": "/lib/systemd/system/chrony.service"}
    host = grow(tmp_path, dict.fromkeys(files, junk), links)
    facts(topic, host).SerializeToString()


def test_settings_of_loadable_modules_are_state(tmp_path: Path) -> None:
    """A container, a mount or a rule loads the module; what someone wrote down for it is a decision all the same."""
    for path, text in {
        "proc/sys/vm/swappiness": "60\n",
        "proc/sys/net/netfilter/nf_conntrack_max": "262144\n",
        "proc/sys/net/bridge/bridge-nf-call-iptables": "1\n",
        "proc/sys/net/ipv4/ip_forward": "1\n",
        "etc/sysctl.d/k8s.conf": "net.bridge.bridge-nf-call-iptables = 1\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    found = os_of("sysctl", Host(str(tmp_path)))
    assert {one.name: (one.value, one.configured) for one in found.sysctls} == {
        "net.bridge.bridge-nf-call-iptables": ("", "1"),
        "net.ipv4.ip_forward": ("1", ""),
        "vm.swappiness": ("60", ""),
    }
    assert [(one.name, one.value) for one in found.module_sysctls] == [
        ("net.bridge.bridge-nf-call-iptables", "1"),
        ("net.netfilter.nf_conntrack_max", "262144"),
    ]
