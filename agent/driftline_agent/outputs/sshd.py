"""``sshd -T``: the settings of the SSH server, its defaults included. Source: sshd(8)."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent.output import Output
from driftline_agent.reader.sshd import Setting, words_of
from driftline_agent.topics.sshd import build


def parse(text: str) -> Facts:
    """Return the settings."""
    settings: list[Setting] = []
    for line in text.replace("\0", "").splitlines():
        name, _, rest = line.strip().partition(" ")
        if name.isalnum() and rest.strip():
            words = [rest.strip()] if name.lower() == "setenv" else words_of(rest) or rest.split()
            settings.append(("", name.lower(), words))
    out = Facts()
    out.services.ssh_server.settings.extend(build(settings))
    return out


OUTPUT = Output(command="sshd -T", parse=parse)
