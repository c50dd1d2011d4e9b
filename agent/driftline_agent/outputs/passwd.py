"""``getent passwd``: users, also those of a directory. Source: passwd(5)."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent.output import Output
from driftline_agent.topics.users import parse_passwd


def parse(text: str) -> Facts:
    """Return the users."""
    out = Facts()
    users = parse_passwd(text.replace("\0", ""), None)
    for user in users:
        user.ClearField("password")  # old hosts have hashes here; a recording has no key to seal them with
    out.accounts.users.extend(users)
    return out


OUTPUT = Output(command="getent passwd", parse=parse)
