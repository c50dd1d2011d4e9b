"""Runs of configuration management: Puppet, Salt, Ansible, Chef, CFEngine, cloud-init, unattended-upgrades.

Source: Puppet's last_run_summary.yaml (configuration.md, ``lastrunfile``), cloud-init's /run/cloud-init/status.json,
and for what runs right now the processes, by their command lines. A command line never leaves the host: only the tool's
name does.
"""

import json
import os
import re
from collections.abc import Iterator

from driftline import late
from driftline.v1.collector_pb2 import Evidence
from driftline_agent.errors import UnreadableError
from driftline_agent.evidence.accounts import name_of
from driftline_agent.host import Host

#: Readable by every user since Puppet 7 (``publicdir``), and before only by root.
_PUPPET = (
    "/opt/puppetlabs/puppet/public/last_run_summary.yaml",
    "/var/cache/puppet/public/last_run_summary.yaml",
    "/opt/puppetlabs/puppet/cache/state/last_run_summary.yaml",
    "/var/cache/puppet/state/last_run_summary.yaml",
    "/var/lib/puppet/state/last_run_summary.yaml",
)
_CLOUD_INIT = "/run/cloud-init/status.json"
_NUMBER = late.pattern(r"\s+(last_run|total): ([\d.]+)\s*")
#: What a command line of a run has in it. Daemons that only wait do not count.
_RUNNING = (
    ("ansible", re.compile(r"AnsiballZ_|/\.ansible/tmp/|ansible-pull")),
    (
        "puppet",
        re.compile(r"puppet agent: applying|puppet(?:\s+|-)(?:apply|agent).*(?:--onetime|--test|-t\b)|puppet apply"),
    ),
    ("salt", re.compile(r"salt-minion.*(?:ProcessPayload|_thread_(?:multi_)?return)|salt-call|salt-ssh.*py3")),
    ("chef", re.compile(r"chef-client worker|chef-(?:solo|client).*--(?:once|local-mode)|cinc-client worker")),
    ("cfengine", re.compile(r"cf-agent")),
    ("cloud-init", re.compile(r"/cloud-init (?:init|modules|single)")),
    ("unattended-upgrades", re.compile(r"/unattended-upgrades?(?:\s|$)(?!.*shutdown)")),
)
#: Programs that such a run is made of; of others the command line is not even read.
_PROGRAMS = late.pattern(r"python|platform-python|ruby|puppet|salt|chef|cinc|cf-agent|ansible|cloud-init|unattended")
_MOST_PROCESSES = 5_000


def parse_puppet(text: str) -> Evidence | None:
    """Return the run that Puppet's summary tells of; it ended at ``last_run`` and took ``total`` seconds."""
    section, numbers = "", {}
    for line in text.splitlines():
        if line[:1] not in (" ", ""):
            section = line.strip().rstrip(":")
        elif section == "time" and (found := _NUMBER.fullmatch(line)):
            numbers[found[1]] = found[2]
    try:
        ended = int(float(numbers["last_run"]) * 1000)
        started = ended - int(float(numbers.get("total", "0")) * 1000)
    except (KeyError, ValueError, OverflowError):
        return None
    return Evidence(kind="management", what="puppet", started_at_ms=started, ended_at_ms=ended)


def parse_cloud_init(text: str) -> list[Evidence]:
    """Return the stages of cloud-init's status that have begun."""
    out: list[Evidence] = []
    try:
        stages = json.loads(text)["v1"]
        for name in ("init-local", "init", "modules-config", "modules-final"):
            stage = stages.get(name) or {}
            if stage.get("start"):
                out.append(
                    Evidence(
                        kind="management",
                        what=f"cloud-init {name}",
                        started_at_ms=int(stage["start"] * 1000),
                        ended_at_ms=int((stage.get("finished") or 0) * 1000),
                    )
                )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return out
    return out


def tool_of(command_line: str) -> str | None:
    """Return the tool whose run a command line is; None for anything else."""
    return next((tool for tool, form in _RUNNING if form.search(command_line)), None)


def _processes(host: Host) -> Iterator[Evidence]:
    booted = next(
        (int(line.split()[1]) for line in (host.read("/proc/stat") or "").splitlines() if line.startswith("btime ")), 0
    )
    ticks = os.sysconf("SC_CLK_TCK")
    found: set[tuple[str, str]] = set()
    for name in [one for one in host.names("/proc") if one.isdigit()][:_MOST_PROCESSES]:
        folder = f"/proc/{name}"
        try:
            if not _PROGRAMS.search(host.line(f"{folder}/comm") or ""):
                continue
            tool = tool_of((host.read(f"{folder}/cmdline") or "")[:8192].replace("\0", " "))
            fields = (host.read(f"{folder}/stat") or "").rpartition(")")[2].split()
            status = host.stat(folder)
            if tool is None or status is None or len(fields) < 20:
                continue
            who = name_of(host, status.st_uid)
        except UnreadableError:
            continue
        if (tool, who) not in found:
            found.add((tool, who))
            started = booted * 1000 + int(fields[19]) * 1000 // ticks
            yield Evidence(kind="management", who=who, what=tool, started_at_ms=started, source="/proc")


def collect(host: Host, since_ms: int) -> list[Evidence]:
    """Return the runs that were under way at some time since a time."""
    out: list[Evidence] = []
    for path in _PUPPET:
        try:
            run = parse_puppet(host.read(path) or "")
        except UnreadableError:
            continue
        if run is not None:
            run.source = path
            out.append(run)
            break
    try:
        for stage in parse_cloud_init(host.read(_CLOUD_INIT) or ""):
            stage.source = _CLOUD_INIT
            out.append(stage)
        out += _processes(host)
    except UnreadableError:
        pass
    return [one for one in out if not one.ended_at_ms or one.ended_at_ms >= since_ms]
