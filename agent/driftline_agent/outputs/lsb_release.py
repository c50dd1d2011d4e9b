"""``lsb_release -a``: distribution and release."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent import distribution
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output

_LABELS = {
    "Distributor ID": "DISTRIB_ID",
    "Release": "DISTRIB_RELEASE",
    "Codename": "DISTRIB_CODENAME",
    "Description": "DISTRIB_DESCRIPTION",
}


def parse(text: str) -> Facts:
    """Return what lsb_release prints."""
    said: dict[str, str] = {}
    for line in text.splitlines():
        label, _, value = line.partition(":")
        value = value.strip().strip('"')
        if label.strip() in _LABELS and value.lower() not in ("", "n/a"):
            said[_LABELS[label.strip()]] = value
    if "DISTRIB_ID" not in said:
        raise UnreadableError('lsb_release -a: no line "Distributor ID:"')
    lsb = "\n".join(f'{name}="{value}"' for name, value in said.items())
    out = Facts()
    out.os.release.CopyFrom(distribution.identify({}, {"/etc/lsb-release": lsb}))
    out.os.release.codename = said.get("DISTRIB_CODENAME", "")
    return out


OUTPUT = Output(command="lsb_release -a", parse=parse)
