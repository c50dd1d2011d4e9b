"""Filesystems and volumes of ZFS. Source: zfs-list(8)."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent import zfslist
from driftline_agent.output import Output


def parse(text: str) -> Facts:
    """Return the datasets."""
    facts = Facts()
    facts.storage.zfs_datasets.extend(zfslist.parse_datasets(text))
    zfslist.expect(bool(facts.storage.zfs_datasets), text, "zfs list")
    return facts


OUTPUT = Output(command=f"zfs list -H -p -t filesystem,volume -o {','.join(zfslist.DATASET)}", parse=parse)
