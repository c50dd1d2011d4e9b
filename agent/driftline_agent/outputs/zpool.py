"""Pools of ZFS. Source: zpool-list(8)."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent import zfslist
from driftline_agent.output import Output


def parse(text: str) -> Facts:
    """Return the pools."""
    facts = Facts()
    facts.storage.zfs_pools.extend(zfslist.parse_pools(text))
    zfslist.expect(bool(facts.storage.zfs_pools), text, "zpool list")
    return facts


OUTPUT = Output(command=f"zpool list -H -p -o {','.join(zfslist.POOL)}", parse=parse)
