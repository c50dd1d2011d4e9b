"""``cat /etc/sudoers``, ``visudo -c -f``'s input: rules of sudo, without what they include. Source: sudoers(5)."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent import sudoers
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output
from driftline_agent.topics.sudoers import build


def parse(text: str) -> Facts:
    """Return the rules.

    :raises UnreadableError: where it is no such file.
    """
    out = Facts()
    try:
        out.accounts.sudo.CopyFrom(build([("/etc/sudoers", sudoers.parse(text))]))
    except sudoers.SudoersError as error:
        raise UnreadableError(f"sudoers: {error}") from error
    return out


OUTPUT = Output(command="cat /etc/sudoers", parse=parse)
