"""What this agent looks at. Source: its own configuration, as it was when it started.

Whoever cannot change a host unseen can still tell the agent to look away; that is a change of its configuration.
"""

from driftline_agent import __version__
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic, all_topics


def collect(host: Host) -> Reading:
    """Report the settings."""
    reading = Reading()
    settings, out = host.settings, reading.facts.agent
    out.topics.extend(sorted(set(settings.topics or ())))
    out.readable_roots.extend(sorted(set(settings.readable_roots or ())))
    out.files_roots.extend(sorted(set(settings.files_roots)))
    out.files_exclude.extend(sorted(set(settings.files_exclude)))
    out.files_text_bytes = settings.files_text_bytes
    out.files_text_closed.extend(sorted(set(settings.files_text_closed)))
    out.watch = settings.watch
    out.inventory_interval = settings.inventory_s
    out.enabled.extend(sorted(settings.enabled))
    out.topics_offered.extend(all_topics())
    out.version = __version__
    out.reader = host.has_reader
    return reading


TOPIC = Topic(revision=1, fills=("agent",), collect=collect)
