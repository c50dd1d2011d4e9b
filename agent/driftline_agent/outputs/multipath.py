"""Disks with several paths. Source: multipath(8) -ll, of multipath-tools 0.4.5 and later."""

import re

from driftline import late
from driftline.v1.facts_pb2 import Facts, Multipath
from driftline_agent.errors import UnreadableError
from driftline_agent.numbers import whole
from driftline_agent.output import Output

#: mpatha (3600...) dm-2 VENDOR,PRODUCT; without an alias, and before 0.4.9 without the kernel's name.
_MAP = late.pattern(
    r"(?:(?:create|reload|reject|switchpg|rename|resize|undef): )?"
    r"(?P<name>[^\s(|`\[\]=:]{1,255})(?: \((?P<wwid>[^()\s]+)\))?(?:\s+(?P<device>dm-\d+))?\s+"
    r"(?P<vendor>[^,]{0,16}),(?P<model>.{0,64})$"
)
_GROUP = late.pattern(
    r"[\s|`\\_+-]*(?:policy='(?P<policy>[^']*)'|"
    r"(?P<old>(?:round-robin|queue-length|service-time|historical-service-time) \d+))"
)
_PATH = late.pattern(
    r"[\s|`\\_-]*(?P<address>\d+:\d+:\d+:\d+|#:#:#:#)\s+(?P<name>[\w!-]+)\s+(?P<number>\d+:\d+|-:-)\s+(?P<states>.*)$"
)
_FEATURES = late.pattern(r"(?:features=|\[features=)'?(?P<text>[^'\]]*)")
_HANDLER = late.pattern(r"(?:hwhandler=|\[hwhandler=)'?(?P<text>[^'\]]*)")
_MAX_LINE = 2_048


def parse(text: str) -> Facts:
    """Return the maps with their paths, sorted. Sizes are rounded there, and left out."""
    found: dict[str, Multipath] = {}
    current: Multipath | None = None
    group, priority = 0, None
    for line in text.splitlines():
        if len(line) > _MAX_LINE:
            continue
        path = _PATH.match(line)
        if current is not None and path:
            states = re.findall(r"[a-z]+", path["states"])
            known = {member.name for member in current.paths}
            if path["name"] not in known and "-" not in path["name"]:
                current.paths.add(
                    name=path["name"],
                    address="" if "#" in path["address"] else path["address"],
                    state=states[0] if states else "",
                    check=states[1] if len(states) > 1 else "",
                    device_state=states[2] if len(states) > 2 else "",
                    group=group or None,
                    priority=priority,
                )
            continue
        if current is not None and line.lstrip().startswith(("size=", "[size=")):
            features, handler = _FEATURES.search(line), _HANDLER.search(line)
            current.features = features["text"].strip() if features and features["text"] != "0" else ""
            current.hardware_handler = handler["text"].strip() if handler and handler["text"] != "0" else ""
            access = re.search(r"wp=(rw|ro)|\[(rw|ro)\]", line)
            if access:
                current.read_only = "ro" in access.groups()
            continue
        policy = _GROUP.match(line)
        if current is not None and policy:
            group += 1
            current.policy = current.policy or policy["policy"] or policy["old"] or ""
            told = re.search(r"prio=(\d+)", line)
            priority = whole(told[1], 1 << 20) if told else None
            continue
        begun = _MAP.match(line)
        if begun and not line.startswith((" ", "|", "`", "\\")):
            name = begun["name"]
            current = found[name] = Multipath(
                name=name,
                wwid=begun["wwid"] or name,
                device=begun["device"] or "",
                vendor=begun["vendor"].strip(),
                model=begun["model"].strip(),
            )
            group, priority = 0, None
    if text.strip() and not found:
        raise UnreadableError("no output of multipath -ll: no map in it")
    for multipath in found.values():
        paths = sorted(multipath.paths, key=lambda path: path.name)
        del multipath.paths[:]
        multipath.paths.extend(paths)
    facts = Facts()
    facts.storage.multipaths.extend(found[name] for name in sorted(found))
    return facts


OUTPUT = Output(command="multipath -ll", parse=parse)
