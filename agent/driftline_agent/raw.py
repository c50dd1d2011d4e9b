"""Raw inputs of elements: what each was made of, so that a change on the host is told from another way of reading it.

See :attr:`driftline_agent.topic.Reading.raw`. What is given is digested with a key before it is stored.
"""

from collections.abc import Mapping
from hashlib import blake2b

from driftline import paths
from driftline.facts import elements
from driftline.v1.facts_pb2 import Facts

#: There the kernel and daemons say how things are, not how someone wants them.
_MOVING = ("/proc/", "/sys/", "/run/", "/var/run/")


def mark(*parts: bytes) -> bytes:
    """Return a digest of some raw inputs, in order."""
    hashed = blake2b(digest_size=16)
    for part in parts:
        hashed.update(len(part).to_bytes(8, "little") + part)
    return hashed.digest()


def complete(facts: Facts, found: Mapping[str, bytes], rest: bytes) -> dict[str, bytes]:
    """Return an input for each element, and what was found for others that the facts leave out.

    :param found: by element's path; what stands below an element has the same input as the element itself.
    :param rest: of elements that neither is known of.
    """
    out = dict(found)
    for path in elements(facts):
        if path in out:
            continue
        above = path
        while above and above not in found:
            above = _above(above)
        out[path] = found[above] if above else rest
    return out


def _above(path: str) -> str:
    """Return the element above another: ``a.b[k]`` of ``a.b[k].c[l]``; empty where there is none."""
    names = [name if keys is None else paths.keyed(name, *keys) for name, keys in paths.steps(path)]
    return ".".join(names[:-1])


def of_files(facts: Facts, read: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return an input for each element of a topic that reads a few whole files: the file that its key names, or all.

    :param read: digest of the content by path, of what the topic read.
    """
    files = {path: data for path, data in read.items() if not path.startswith(_MOVING)}
    rest = mark(*(part for path in sorted(files) for part in (path.encode(), files[path])))
    found: dict[str, bytes] = {}
    for path in elements(facts):
        for _, keys in paths.steps(path):
            for key in keys or ():
                if key in files:
                    found[path] = files[key]
    return complete(facts, found, rest)
