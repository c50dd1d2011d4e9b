"""What an approval binds to: exactly the deltas and CIs that the approver saw (design section 6, rule 8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b


@dataclass(frozen=True, slots=True)
class ScopeItem:
    """One delta as an approver sees it; values as canonical JSON."""

    ci_uid: str
    path: str
    before: str | None
    after: str | None


def digest(items: Sequence[ScopeItem]) -> str:
    """Return the digest of a scope, 16 hexadecimal digits; the order of items does not matter."""
    hashed = blake2b(digest_size=8)
    for item in sorted(items, key=lambda item: (item.ci_uid, item.path)):
        for part in (item.ci_uid, item.path, item.before, item.after):
            data = b"-" if part is None else b"+" + part.encode()
            hashed.update(len(data).to_bytes(8, "big") + data)
    return hashed.hexdigest()


def grown_since(seen: str, items: Sequence[ScopeItem]) -> Sequence[ScopeItem] | None:
    """Return what has joined since a scope was seen.

    :param seen: the digest that was seen.
    :param items: the scope now, in the order in which the items joined.
    :return: the newest items, empty where nothing joined; None where an item that was seen has itself changed, or
        where more than a hundred joined.
    """
    for count in range(len(items), max(-1, len(items) - 101), -1):
        if digest(items[:count]) == seen:
            return items[count:]
    return None
