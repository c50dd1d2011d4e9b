"""``crontab -l``: a user's own table. Source: crontab(5)."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent.output import Output
from driftline_agent.reader import crontab
from driftline_agent.topics.cron import build

#: The output does not say whose table it is.
_PATH, _USER = "crontab -l", "?"


def parse(text: str) -> Facts:
    """Return the table; its user is not known."""
    out = Facts()
    out.services.crontabs.append(build(_PATH, crontab.parse(text, crontab.USER, _USER)))
    return out


OUTPUT = Output(command="crontab -l", parse=parse)
