"""``timedatectl``, also with ``show``: time zone, whether the clock is synchronised, what the hardware clock has."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output

_TRUTH = {"yes": True, "no": False}
_LABELS = {
    "Time zone": "Timezone",
    "Timezone": "Timezone",
    "System clock synchronized": "NTPSynchronized",
    "NTP synchronized": "NTPSynchronized",
    "RTC in local TZ": "LocalRTC",
}


def parse(text: str) -> Facts:
    """Return what either form of it says."""
    said: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and name.isalnum():
            said[name] = value.strip()
            continue
        label, _, value = line.partition(":")
        if label.strip() in _LABELS:
            said[_LABELS[label.strip()]] = value.strip()
    if "Timezone" not in said and "NTPSynchronized" not in said:
        raise UnreadableError("timedatectl: neither time zone nor synchronisation in it")
    out = Facts()
    zone = said.get("Timezone", "").partition(" ")[0]
    out.os.host.time_zone = "" if zone in ("n/a", "-") else zone
    for name, field in (("NTPSynchronized", "synchronized"), ("LocalRTC", "rtc_in_local_time")):
        truth = _TRUTH.get(said.get(name, ""))
        if truth is not None:
            setattr(out.os.clock, field, truth)
    return out


OUTPUT = Output(command="timedatectl", parse=parse)
