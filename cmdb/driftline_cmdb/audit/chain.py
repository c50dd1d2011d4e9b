"""The chain: each entry's hash covers its content and the hash before it. Pure; stdlib only."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Protocol

#: What the first entry follows.
START = b"\0" * 32


class Entry(Protocol):
    """What the chain covers of an entry."""

    #: Read-only, so that a table's row, whose position may be None until it is sealed, is one too.
    @property
    def position(self) -> int | None: ...
    @property
    def at_ms(self) -> int: ...
    @property
    def actor(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def detail(self) -> Mapping[str, Any]: ...


def link(previous: bytes, entry: Entry) -> bytes:
    """Return an entry's place in the chain: SHA-256 over the one before and the entry's canonical JSON.

    That is ``[position, at_ms, actor, action, subject, detail]``, keys sorted, no spaces, in UTF-8.
    """
    plain = json.dumps(
        [entry.position, entry.at_ms, entry.actor, entry.action, entry.subject, entry.detail],
        ensure_ascii=False,
        separators=(",", ":"),
        sort_keys=True,
    )
    # A detail may hold half of a surrogate pair, which JSON can carry and UTF-8 cannot: it must not stop the sealer.
    return sha256(previous + plain.encode("utf-8", "surrogatepass")).digest()
