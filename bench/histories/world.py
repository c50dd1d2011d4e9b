"""The fleet that a history is about: hosts of roles, what each has, when its agent is down or cut off."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from driftline.paths import escape_key
from driftline.schema import Value

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

Attributes = dict[str, Value]

#: Packages that security updates come for: name -> (version at the start, roles; empty means all).
FLEET: dict[str, tuple[str, tuple[str, ...]]] = {
    "openssl": ("3.0.13-1~deb12u1", ()),
    "libssl3": ("3.0.13-1~deb12u1", ()),
    "curl": ("7.88.1-10+deb12u5", ()),
    "libcurl4": ("7.88.1-10+deb12u5", ()),
    "sudo": ("1.9.13p3-1+deb12u1", ()),
    "openssh-server": ("1:9.2p1-2+deb12u2", ()),
    "libexpat1": ("2.5.0-1", ()),
    "bind9-libs": ("1:9.18.24-1", ("dns", "mail")),
    "libtiff6": ("4.5.0-6+deb12u1", ("web",)),
    "php8.2-fpm": ("8.2.18-1~deb12u1", ("web",)),
    "postgresql-15": ("15.6-0+deb12u1", ("db",)),
    "exim4-daemon-light": ("4.96-15+deb12u4", ("mail",)),
    "unbound": ("1.17.1-2+deb12u2", ("dns",)),
    "glibc-source": ("2.36-9+deb12u4", ("build",)),
    "git": ("1:2.39.2-1.1", ("build", "web")),
}
KERNEL = ("6.1.0-18", "6.1.76-1")
#: The organisation's own packages, which update themselves by a standing rule.
STANDING = {"corp-agent": "4.2.0-1", "corp-certs": "2024.3-1", "corp-tools": "1.8.0-1"}
#: Applications that are rolled out by an RFC which names the version.
APPS = {"web": ("shop-frontend", "2.14.0-1"), "db": ("pg-tuner", "0.9.1-1"), "mail": ("mail-filter", "5.1.0-2")}
#: Packages that nobody plans to change.
QUIET = [
    "adduser",
    "apt",
    "base-files",
    "base-passwd",
    "bash",
    "bsdutils",
    "coreutils",
    "dash",
    "debconf",
    "debianutils",
    "diffutils",
    "dpkg",
    "e2fsprogs",
    "findutils",
    "gcc-12-base",
    "gpgv",
    "grep",
    "gzip",
    "hostname",
    "init-system-helpers",
    "libacl1",
    "libc-bin",
    "login",
    "mawk",
    "mount",
    "ncurses-base",
    "passwd",
    "perl-base",
    "sed",
    "systemd",
    "sysvinit-utils",
    "tar",
    "tzdata",
    "util-linux",
    "zlib1g",
]
#: What hosts have some of, and hands install and remove.
EXTRAS = [
    f"{stem}{suffix}"
    for stem in [
        "htop",
        "strace",
        "lsof",
        "nmap",
        "tcpdump",
        "vim",
        "emacs-nox",
        "tmux",
        "screen",
        "rsync",
        "socat",
        "jq",
        "ncdu",
        "iotop",
        "sysstat",
        "mtr-tiny",
        "whois",
        "zip",
        "unzip",
        "wget",
        "lynx",
        "fping",
        "iperf3",
        "gdb",
        "ltrace",
        "pv",
        "moreutils",
        "tree",
        "dstat",
        "nload",
        "bmon",
        "glances",
        "atop",
        "parallel",
        "netcat-openbsd",
        "telnet",
        "ftp",
        "lftp",
        "pigz",
        "zstd",
        "lz4",
        "p7zip-full",
        "sqlite3",
        "redis-tools",
        "mariadb-client",
        "ldap-utils",
    ]
    for suffix in ("", "-extras", "-doc")
]
SYSCTLS = {
    "net.ipv4.ip_forward": "0",
    "net.ipv4.tcp_syncookies": "1",
    "net.core.somaxconn": "4096",
    "net.ipv4.conf.all.rp_filter": "2",
    "net.ipv6.conf.all.accept_ra": "1",
    "vm.swappiness": "60",
    "vm.overcommit_memory": "0",
    "vm.max_map_count": "65530",
    "fs.file-max": "1048576",
    "fs.inotify.max_user_watches": "65536",
    "kernel.panic": "0",
    "kernel.pid_max": "4194304",
    "kernel.randomize_va_space": "2",
    "kernel.dmesg_restrict": "1",
    "net.ipv4.tcp_keepalive_time": "7200",
    "net.core.rmem_max": "212992",
}
UNITS = [
    "ssh.service",
    "cron.service",
    "rsyslog.service",
    "systemd-timesyncd.service",
    "getty@.service",
    "fstrim.timer",
    "apt-daily.timer",
    "logrotate.timer",
    "unattended-upgrades.service",
    "corp-agent.service",
]
#: Files of packages: path -> package.
OWNED_FILES = {
    "/etc/ssh/sshd_config.d/debian.conf": "openssh-server",
    "/etc/ssl/openssl.cnf": "openssl",
    "/etc/sudo.conf": "sudo",
    "/etc/login.defs": "login",
    "/etc/crontab": "cron",
}
ROLES = ("web", "web", "web", "db", "mail", "dns", "build", "batch")
SITES = ("fra1", "ams2", "nyc3")
PEOPLE = ("alice (1000)", "bob (1001)", "carol (1002)", "dave (1003)")


def package(name: str, architecture: str = "amd64") -> str:
    """Return the path of a Debian package."""
    return f"software.packages[dpkg/{name}/{architecture}]"


def sysctl(name: str) -> str:
    """Return the path of a kernel setting."""
    return f"os.sysctls[{name}]"


def unit(name: str) -> str:
    """Return the path of a systemd unit."""
    return f"services.units[{name}]"


def file_at(name: str) -> str:
    """Return the path of a file."""
    return f"files.files[{escape_key(name)}]"


def section_of(path: str) -> str:
    """Return which section of a report a path stands in."""
    return {"software": "dpkg", "os": "sysctl", "services": "units", "accounts": "accounts", "files": "files"}[
        path.partition(".")[0]
    ]


def digest(random: Random) -> str:
    """Return the digest of some content."""
    return f"sha256:{random.getrandbits(256):064x}"


@dataclass
class Machine:
    """One host."""

    name: str
    role: str
    environment: str
    site: str
    #: What it is, by element path.
    state: dict[str, Attributes]
    #: By how much its clock is ahead, ms.
    ahead_ms: int
    #: When its agent does not run: nothing is seen, intervals get wide.
    down: list[tuple[int, int]] = field(default_factory=list)
    #: When the network is away: what is seen is received late.
    cut: list[tuple[int, int]] = field(default_factory=list)

    def looks_at(self, at: int, around_ms: int = HOUR_MS) -> bool:
        """Tell whether the agent runs all the time around a moment."""
        return not any(start - around_ms < at < end + around_ms for start, end in self.down)


def fleet(random: Random, hosts: int, start: int, end: int) -> list[Machine]:
    """Draw the hosts."""
    machines = []
    counts: dict[str, int] = {}
    for number in range(hosts):
        role = ROLES[number % len(ROLES)]
        counts[role] = counts.get(role, 0) + 1
        draw = random.random()
        environment = "test" if draw < 0.06 else "staging" if draw < 0.18 else "production"
        ahead = random.choice((0, 0, 0, 1)) * random.randint(-240_000, 240_000)
        machines.append(
            Machine(
                f"{role}-{counts[role]:04d}",
                role,
                environment,
                random.choice(SITES),
                _state(random, role),
                ahead + random.randint(-400, 400),
                _spells(random, start, end, 0.004),
                _spells(random, start, end, 0.008),
            )
        )
    return machines


def _spells(random: Random, start: int, end: int, a_day: float) -> list[tuple[int, int]]:
    """Draw spells of one to twelve hours, so many a day on average, that do not touch."""
    spells: list[tuple[int, int]] = []
    for day in range((end - start) // DAY_MS):
        if random.random() < a_day:
            begin = start + day * DAY_MS + random.randint(6 * HOUR_MS, DAY_MS)
            length = random.randint(HOUR_MS, 12 * HOUR_MS)
            if (not spells or begin > spells[-1][1] + 2 * HOUR_MS) and begin + length < end - HOUR_MS:
                spells.append((begin, begin + length))
    return spells


def _state(random: Random, role: str) -> dict[str, Attributes]:
    state: dict[str, Attributes] = {}
    for name, (version, roles) in FLEET.items():
        if (not roles or role in roles) and random.random() < 0.93:
            state[package(name)] = _package(version)
    release, version = KERNEL
    state[package(f"linux-image-{release}-amd64")] = _package(version)
    state[package("linux-image-amd64")] = _package(version)
    for name, version in STANDING.items():
        if name == "corp-agent" or random.random() < 0.7:
            state[package(name)] = {"version": version, "vendor": "Example Corp"}
    if role in APPS:
        state[package(APPS[role][0])] = {"version": APPS[role][1], "vendor": "Example Corp"}
    for name in QUIET:
        state[package(name)] = _package(f"{len(name)}.{ord(name[0])}-1")
    for name in random.sample(EXTRAS, random.randint(3, 12)):
        state[package(name)] = _package("1.0-1")
    for name, value in SYSCTLS.items():
        state[sysctl(name)] = {"value": value}
    for name in (*UNITS, f"{role}.service"):
        state[unit(name)] = {
            "enablement": "static" if "@" in name else "enabled",
            "path": f"/lib/systemd/system/{name}",
        }
    for number, name in enumerate(("root", "daemon", "bin", "sys", "sshd", "alice", "bob")):
        state[f"accounts.users[{name}]"] = {"uid": number, "gid": number, "home": f"/home/{name}", "shell": "/bin/sh"}
    state["accounts.groups[sudo]"] = {"gid": 27, "members": ("alice", "bob")}
    for name, owner in OWNED_FILES.items():
        if package(owner) in state or owner == "cron":
            state[file_at(name)] = {
                "type": "file", "owner": "root", "group": "root", "mode": "0644", "package": owner,
                "digest": f"sha256:{len(name):064x}",
            }  # fmt: skip
    return state


def _package(version: str) -> Attributes:
    return {"version": version, "vendor": "Debian"}


def with_version(attributes: Mapping[str, Value] | None, version: str) -> Attributes:
    """Return a package's attributes with another version."""
    return {"vendor": "Debian", **(attributes or {}), "version": version}
