"""What confines programs and users: security modules, FIPS mode, cryptographic policy.

Source: /sys/kernel/security, selinux(8), selinux_config(5), apparmor(7), crypto-policies(7), /proc/sys/crypto.
"""

from driftline import late
from driftline.v1.facts_pb2 import ApparmorProfile
from driftline_agent import dropins
from driftline_agent.distribution import parse_os_release
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_PROFILES = "/sys/kernel/security/apparmor/profiles"
_MODES = {"0": "permissive", "1": "enforcing"}
_CHOSEN = late.pattern(r"\[(\w+)\]")
_MAX_PROFILES = 2000


def parse_profiles(text: str) -> list[ApparmorProfile]:
    """Return the profiles of apparmorfs, sorted: ``/usr/sbin/cups-browsed (enforce)``, a line each."""
    out: dict[str, str] = {}
    for line in text.splitlines()[:_MAX_PROFILES]:
        name, _, mode = line.strip().rpartition(" ")
        if name and mode.startswith("(") and mode.endswith(")"):
            out[name] = mode[1:-1]
    return [ApparmorProfile(name=name, mode=out[name]) for name in sorted(out)]


def _first(text: str) -> str:
    return next(dropins.lines(text, joined=False), "")


def _selinux(host: Host, reading: Reading) -> None:
    selinux = reading.facts.os.security.selinux
    base = next((base for base in ("/sys/fs/selinux", "/selinux") if host.exists(f"{base}/enforce")), "")
    if base or host.exists("/sys/fs"):
        selinux.enabled = bool(base)
    if base:
        selinux.mode = _MODES.get(host.line(f"{base}/enforce") or "", "")
        version = host.number(f"{base}/policyvers")
        if version is not None and 0 <= version < 1 << 31:
            selinux.policy_version = version
    text = reading.text("os.security.selinux.configured_mode", lambda: host.read("/etc/selinux/config"))
    configured = parse_os_release(text)
    selinux.configured_mode = configured.get("SELINUX", "").lower()
    selinux.policy = configured.get("SELINUXTYPE", "").lower()


def _apparmor(host: Host, reading: Reading) -> None:
    said = host.line("/sys/module/apparmor/parameters/enabled")
    if said is None:
        return
    apparmor = reading.facts.os.security.apparmor
    apparmor.enabled = said == "Y"
    try:
        apparmor.profiles.extend(parse_profiles(host.read(_PROFILES) or ""))
    except UnreadableError as error:
        reading.unreadable["os.security.apparmor.profiles"] = str(error)


def _line(host: Host, path: str) -> str | None:
    try:
        return host.line(path)
    except UnreadableError:
        return None


def tell(host: Host) -> bytes:
    """Return what can be switched at run time, SELinux's mode and the lockdown: of that, no file is written."""
    return repr([_line(host, path) for path in ("/sys/fs/selinux/enforce", "/sys/kernel/security/lockdown")]).encode()


def collect(host: Host) -> Reading:
    """Read what the kernel says, and what is configured."""
    reading = Reading()
    security = reading.facts.os.security
    modules = reading.text("os.security.modules", lambda: host.line("/sys/kernel/security/lsm"))
    security.modules.extend(filter(None, modules.split(",")))
    if host.exists("/proc/sys/kernel"):
        security.fips = host.line("/proc/sys/crypto/fips_enabled") == "1"
    found = _CHOSEN.search(reading.text("os.security.lockdown", lambda: host.line("/sys/kernel/security/lockdown")))
    security.lockdown = found[1] if found else ""
    text = reading.text("os.security.crypto_policy", lambda: host.read("/etc/crypto-policies/config"))
    security.crypto_policy = _first(text)
    _selinux(host, reading)
    _apparmor(host, reading)
    return reading


TOPIC = Topic(
    revision=1,
    fills=("os.security",),
    collect=collect,
    tell=tell,
    watches=("/etc/selinux/config", "/etc/crypto-policies", "/etc/apparmor.d"),
)
