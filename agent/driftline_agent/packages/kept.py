"""What is read again only where its source changed."""

from collections.abc import Callable, Iterable

from driftline.v1.facts_pb2 import Package, Software
from driftline_agent.host import Host


def kept(host: Host, name: str, version: object, read: Callable[[], Iterable[Package]]) -> Software:
    """Return packages as they were read last, unless their source changed since.

    They are kept as bytes, a tenth of what messages take.

    :param version: what changes whenever the source does.
    """
    known = host.kept.get(f"packages {name}")
    if known is None or known[0] != version:
        known = (version, Software(packages=read()).SerializeToString())
        host.kept[f"packages {name}"] = known
    return Software.FromString(known[1])


def version_of(host: Host, *paths: str) -> tuple[int, ...]:
    """Return what changes whenever one of these files is replaced or rewritten, or a name in one of the folders is."""
    out: list[int] = []
    for path in paths:
        found = host.stat(path)
        out += (0,) if found is None else (found.st_ino, found.st_mtime_ns, found.st_size)
    return tuple(out)


def unique(packages: Iterable[Package]) -> list[Package]:
    """Return packages sorted by key, the last of each."""
    found = {(package.name, package.architecture): package for package in packages if package.name}
    return [found[key] for key in sorted(found)]
