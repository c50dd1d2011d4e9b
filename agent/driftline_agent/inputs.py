"""Remembers, topic by topic, a digest of the raw input of each element.

After an upgrade of the agent, it tells what changed on the host from what is only read in another way (design section
6, rule 13). Two small files a topic in the state folder: revision, content digest, then path and input of each element,
8 bytes each; and since the last upgrade, which inputs are other than before it.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from google.protobuf.message import DecodeError

from driftline.facts import DIGEST_SIZE, path_digest
from driftline.v1.collector_pb2 import Comparison, Section
from driftline_agent import files
from driftline_agent.topic import Reading

_HEAD = struct.Struct(f"<I{DIGEST_SIZE}s")
_PAIR = struct.Struct("<Q8s")


@dataclass(frozen=True, slots=True)
class _Kept:
    revision: int
    #: Of the section's content.
    digest: bytes
    #: By the digest of the element's path.
    inputs: dict[int, bytes]


class Inputs:
    """What the readings were made of.

    :param folder: the agent's state folder.
    :param key: keys the digests: an input may be short enough to be guessed.
    """

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder, self._key = folder / "inputs", key
        #: Digest of the content whose inputs were noted last, by topic: as long as it is the same, nobody is asked.
        self._noted: dict[str, bytes] = {}

    def note(self, section: Section, reading: Reading) -> None:
        """Keep what a section was made of, and complete the section by the comparison with the code before.

        :raises OSError: where the disk does not take it.
        """
        inputs: Mapping[str, bytes] = reading.inputs
        if not inputs and reading.raw is not None and self._noted.get(section.name) != section.digest:
            inputs = reading.raw(reading.facts)
        if inputs:
            self._note(section, inputs)
        self._noted[section.name] = section.digest

    def _note(self, section: Section, inputs: Mapping[str, bytes]) -> None:
        files.private_folder(self._folder)
        now = {path_digest(path): blake2b(raw, digest_size=8, key=self._key).digest() for path, raw in inputs.items()}
        before = self._kept(section.name)
        comparison = self._comparison(section.name)
        if before is not None:
            changed = {path for path in before.inputs.keys() | now.keys() if before.inputs.get(path) != now.get(path)}
            if before.revision != section.revision:
                comparison = Comparison(revision=before.revision, digest=before.digest, changed=sorted(changed))
            elif comparison is not None and changed:
                comparison.changed[:] = sorted(changed | set(comparison.changed))
            if comparison is not None and (changed or before.revision != section.revision):
                files.write_private(self._since(section.name), comparison.SerializeToString())
        if comparison is not None:
            section.comparison.CopyFrom(comparison)
        kept = _Kept(section.revision, section.digest, now)
        if kept != before:
            pairs = b"".join(_PAIR.pack(path, now[path]) for path in sorted(now))
            files.write_private(self._folder / section.name, _HEAD.pack(kept.revision, kept.digest) + pairs)

    def _since(self, name: str) -> Path:
        return self._folder / f"{name}.since"

    def _kept(self, name: str) -> _Kept | None:
        data = files.read_private(self._folder / name)
        if data is None or len(data) < _HEAD.size or (len(data) - _HEAD.size) % _PAIR.size:
            return None
        revision, digest = _HEAD.unpack_from(data)
        return _Kept(revision, digest, dict(_PAIR.iter_unpack(data[_HEAD.size :])))

    def _comparison(self, name: str) -> Comparison | None:
        data = files.read_private(self._since(name))
        try:
            return None if data is None else Comparison.FromString(data)
        except DecodeError:
            return None
