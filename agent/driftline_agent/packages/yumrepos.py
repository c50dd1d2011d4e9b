"""Repositories of dnf, yum and zypper. Source: the .repo files of yum.conf(5), dnf.conf(5), zypper's repos.d."""

from collections.abc import Iterator

from driftline.v1.facts_pb2 import Repository
from driftline_agent.packages import ini
from driftline_agent.packages.addresses import without_secrets

_TRUE = frozenset({"1", "yes", "true", "on"})
_FALSE = frozenset({"0", "no", "false", "off"})


def _switch(values: dict[str, str], name: str) -> bool | None:
    value = values.get(name, "").lower()
    return True if value in _TRUE else False if value in _FALSE else None


def parse(text: str, manager: str) -> Iterator[Repository]:
    """Yield the repositories of a .repo file; variables like $releasever stay as they are.

    :param manager: dnf or zypper.
    """
    for name, values in ini.parse(text):
        if name == "main" or not name:
            continue
        addresses: list[str] = []
        for option in ("baseurl", "metalink", "mirrorlist"):
            addresses += values.get(option, "").replace(",", " ").split()
        priority = values.get("priority", "")
        yield Repository(
            manager=manager,
            name=name,
            # yum.conf(5): on, unless it says otherwise
            enabled=_switch(values, "enabled") is not False,
            uris=[without_secrets(address) for address in addresses],
            signed_by=sorted({without_secrets(key) for key in values.get("gpgkey", "").replace(",", " ").split()}),
            signatures_checked=_switch(values, "gpgcheck"),
            priority=int(priority) if priority.isdecimal() and len(priority) < 10 else None,
        )
