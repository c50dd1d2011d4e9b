"""What is mounted. Source: mount(8) without arguments, of util-linux and busybox; /proc/mounts as well."""

import re

from driftline import late
from driftline.v1.facts_pb2 import Facts, Filesystem
from driftline_agent import mounts
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output

_LINE = late.pattern(
    r"(?P<device>.+?) on (?P<point>/.*?) type (?P<kind>\S+) \((?P<options>[^()]*(?:\([^()]*\)[^()]*)*)\)(?P<label>.*)$"
)
_MAX_LINE = 8_192


def _fields(line: str) -> tuple[str, str, str, str, str] | None:
    found = _LINE.match(line)
    if found:
        label = re.fullmatch(r"\s*\[(.*)\]\s*", found["label"])
        return found["device"], found["point"], found["kind"], found["options"], label[1] if label else ""
    words = line.split(" ")
    if len(words) >= 4 and words[1].startswith("/") and re.fullmatch(r"[\w.\-]+", words[2]):
        return mounts.unescape(words[0]), mounts.unescape(words[1]), words[2], words[3], ""
    return None


def parse(text: str) -> Facts:
    """Return every line, pseudo filesystems too, sorted by mount point; the topmost of several on one point."""
    found: dict[str, Filesystem] = {}
    for line in text.splitlines():
        fields = _fields(line.strip()) if len(line) <= _MAX_LINE else None
        if fields is None:
            continue
        device, point, kind, options, label = fields
        server, export = mounts.server_of(kind, device)
        found[point] = Filesystem(
            mount_point=point,
            device=mounts.safe_device(device),
            type=kind,
            options=mounts.safe_options(options.split(",")),
            server=server,
            export=export,
            label=label,
        )
    if text.strip() and not found:
        raise UnreadableError("no output of mount: no line like DEVICE on FOLDER type TYPE (OPTIONS)")
    facts = Facts()
    facts.storage.filesystems.extend(found[point] for point in sorted(found))
    return facts


OUTPUT = Output(command="mount", parse=parse)
