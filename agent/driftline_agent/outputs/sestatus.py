"""``sestatus``: SELinux as it is and as it is configured."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output


def parse(text: str) -> Facts:
    """Return what sestatus prints."""
    said = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}
    if "SELinux status" not in said:
        raise UnreadableError('sestatus: no line "SELinux status:"')
    out = Facts()
    selinux = out.os.security.selinux
    selinux.enabled = said["SELinux status"] == "enabled"
    selinux.mode = said.get("Current mode", "")
    selinux.configured_mode = said.get("Mode from config file", "")
    selinux.policy = said.get("Loaded policy name", "") or said.get("Policy from config file", "")
    version = said.get("Max kernel policy version", "") or said.get("Policy version", "")
    if version.isascii() and version.isdigit() and len(version) < 9:
        selinux.policy_version = int(version)
    return out


OUTPUT = Output(command="sestatus", parse=parse)
