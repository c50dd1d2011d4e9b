"""Writes docs/device-profiles.md from the profiles.

python -m driftline_agent.devices.profiling.profile_reference > docs/device-profiles.md
"""

import sys
from collections.abc import Iterator

from driftline_agent.devices.profile import GAUGES, STANDARD, TEXTS, Gauge, Match, Profile, Ref, Source
from driftline_agent.devices.profiles import all_profiles
from driftline_agent.devices.profiling.profile_file import CHASSIS
from driftline_agent.devices.snmp import oids

_HEAD = """\
# Device profiles

Written by `python -m driftline_agent.devices.profiling.profile_reference` from the files in
`agent/driftline_agent/devices/profiles`; change it there. How to add one:
[dev/add-a-device-profile.md](dev/add-a-device-profile.md).

A profile says how a family of devices is known (by `sysObjectID`, the longest match wins, and `sysDescr`), and where
its version, model, serial number, processor load, memory and temperature are read. Sources are asked in the order
shown; the first one that says something counts. What a profile does not say is read as by `standard`, the last section:
so is every device that no profile knows. Interfaces, addresses, parts, VLANs, neighbours and the rest are read by the
standard MIBs whatever the profile.
"""


def reference() -> str:
    """Return the page as Markdown."""
    profiles = all_profiles()
    families = [one for one in profiles.values() if one.name != STANDARD.name]
    lines = [_HEAD, "| profile | maker | system | class | reads |", "|---|---|---|---|---|"]
    for one in families:
        reads = ", ".join(
            name.replace("_", " ") for name in (*TEXTS, *GAUGES) if name in one.texts or name in one.gauges
        )
        lines.append(f"| [{one.name}](#{one.name}) | {one.vendor} | {one.os_name} | {one.ci_class} | {reads} |")
    for one in (*families, profiles[STANDARD.name]):
        lines += ["", f"## {one.name}", "", *_section(one)]
    return "\n".join(lines).rstrip() + "\n"


def _section(profile: Profile) -> Iterator[str]:
    for match in profile.matches:
        yield f"- known by {_match(match)}"
    for name in TEXTS:
        if name in profile.texts:
            yield f"- {name.replace('_', ' ')}: " + "; ".join(map(_source, profile.texts[name]))
    for name in GAUGES:
        if name in profile.gauges:
            yield f"- {name}: " + "; ".join(map(_gauge, profile.gauges[name]))
    if profile.settings.most_variables is not None:
        yield f"- at most {profile.settings.most_variables} variables in one answer"
    if not profile.settings.bulk:
        yield "- without GETBULK"


def _match(match: Match) -> str:
    parts = [f"sysObjectID {', '.join(map(oids.show, match.object_ids))}"] if match.object_ids else []
    parts += [f"sysDescr `{_code(match.description.pattern)}`"] if match.description else []
    parts += [f"an answer to {match.answers.object.qualified}"] if match.answers else []
    return " and ".join(parts)


def _source(source: Source) -> str:
    where = "sysDescr"
    if source.chassis is not None:
        where = f"the chassis's {source.chassis}"
        assert source.chassis in CHASSIS.values()  # noqa: S101  # profile_file.py
    elif source.ref is not None:
        where = _ref(source.ref)
    return f"{where} `{_code(source.pattern.pattern)}`" if source.pattern else where


def _ref(ref: Ref) -> str:
    return ref.object.qualified + (f".{ref.row}" if ref.index is not None else "")


def _gauge(gauge: Gauge) -> str:
    return ", ".join(f"{part} {_ref(ref)}" for part, ref in gauge.parts.items())


def _code(pattern: str) -> str:
    return pattern.replace("`", "'")


if __name__ == "__main__":
    sys.stdout.write(reference())
