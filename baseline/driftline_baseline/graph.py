"""Relations between CIs as a graph: who depends on whom, through which chain. CIs are any hashable names or ids.

A relation reads "from KIND to": web1 *runs on* hv1, shop *depends on* web1. In every kind the one in front leans on the
one behind, so that what happens to the one behind concerns the one in front.
"""

from collections import deque
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

N = TypeVar("N", bound=Hashable)

#: The kinds that a relation may have: the words that join the two, read from the front.
KINDS = ("runs on", "installed on", "connected to", "member of", "depends on")
#: The same relation read from behind.
REVERSED: Mapping[str, str] = {
    "runs on": "runs",
    "installed on": "has installed",
    "connected to": "connects",
    "member of": "has member",
    "depends on": "is needed by",
}


@dataclass(frozen=True, slots=True)
class Edge(Generic[N]):
    """One relation."""

    from_ci: N
    kind: str
    to_ci: N


@dataclass(frozen=True, slots=True)
class Chain(Generic[N]):
    """How one CI leans on another: the relations from it down to that other, in order."""

    edges: tuple[Edge[N], ...]

    @property
    def ci(self) -> N:
        """The CI that leans on the other."""
        return self.edges[0].from_ci

    @property
    def on(self) -> N:
        """The CI that it leans on."""
        return self.edges[-1].to_ci


def dependants(start: N, relations: Iterable[Edge[N]], kinds: Iterable[str] = KINDS) -> dict[N, Chain[N]]:
    """Return every CI that leans on one, each with a shortest chain; nearest first, then in the order of `relations`.

    Cycles end where they come back: the start is never its own dependant.

    :param kinds: only over relations of these kinds.
    """
    wanted = frozenset(kinds)
    incoming: dict[N, list[Edge[N]]] = {}
    for edge in relations:
        if edge.kind in wanted:
            incoming.setdefault(edge.to_ci, []).append(edge)
    found: dict[N, Chain[N]] = {}
    queue: deque[N] = deque([start])
    while queue:
        current = queue.popleft()
        below = found[current].edges if current in found else ()
        for edge in incoming.get(current, ()):
            if edge.from_ci != start and edge.from_ci not in found:
                found[edge.from_ci] = Chain((edge, *below))
                queue.append(edge.from_ci)
    return found


def dependencies(start: N, relations: Iterable[Edge[N]], kinds: Iterable[str] = KINDS) -> dict[N, Chain[N]]:
    """Return every CI that one leans on, each with a shortest chain from it; nearest first."""
    turned = [Edge(edge.to_ci, edge.kind, edge.from_ci) for edge in relations]
    return {
        ci: Chain(tuple(Edge(edge.to_ci, edge.kind, edge.from_ci) for edge in reversed(chain.edges)))
        for ci, chain in dependants(start, turned, kinds).items()
    }


def cut_off_by(one: N, roots: Iterable[N], links: Iterable[tuple[N, N]]) -> set[N]:
    """Return what no root reaches any more without one CI, though some root reaches it with it: what is *behind* it.

    :param roots: where paths begin: what is known to be reached.
    :param links: pairs that are joined, in either direction.
    """
    around: dict[N, set[N]] = {}
    for left, right in links:
        around.setdefault(left, set()).add(right)
        around.setdefault(right, set()).add(left)
    roots = list(roots)
    with_it = _reached(roots, around, None)
    without = _reached([root for root in roots if root != one], around, one)
    return with_it - without - {one}


def _reached(roots: Iterable[N], around: Mapping[N, Iterable[N]], barred: N | None) -> set[N]:
    reached = set(roots)
    stack = list(reached)
    while stack:
        for other in around.get(stack.pop(), ()):
            if other not in reached and other != barred:
                reached.add(other)
                stack.append(other)
    return reached
