"""Relations as a graph: chains are real, shortest and complete; cycles end."""

from hypothesis import given
from hypothesis import strategies as st

from driftline_baseline.graph import KINDS, Edge, cut_off_by, dependants, dependencies

nodes = st.integers(0, 7)
edges = st.lists(st.builds(Edge, nodes, st.sampled_from(KINDS), nodes), max_size=20)


def closure(start: int, relations: list[Edge[int]]) -> set[int]:
    """What leans on a CI, worked out the slow way."""
    found = {start}
    while more := {edge.from_ci for edge in relations if edge.to_ci in found} - found:
        found |= more
    return found - {start}


@given(nodes, edges)
def test_dependants_are_all_that_lean_on_it_by_chains_that_exist(start: int, relations: list[Edge[int]]) -> None:
    found = dependants(start, relations)
    assert set(found) == closure(start, relations)
    for ci, chain in found.items():
        assert (chain.ci, chain.on) == (ci, start)
        assert all(edge in relations for edge in chain.edges)
        assert all(one.to_ci == two.from_ci for one, two in zip(chain.edges, chain.edges[1:], strict=False))
        passed = [edge.from_ci for edge in chain.edges]
        assert len(passed) == len(set(passed))


@given(nodes, edges)
def test_nearer_ones_come_first_and_each_tail_of_a_chain_is_a_chain(start: int, relations: list[Edge[int]]) -> None:
    found = dependants(start, relations)
    lengths = [len(chain.edges) for chain in found.values()]
    assert lengths == sorted(lengths)
    for chain in found.values():
        if len(chain.edges) > 1:
            assert found[chain.edges[1].from_ci].edges == chain.edges[1:]


@given(nodes, nodes, edges)
def test_dependencies_are_the_other_direction(one: int, two: int, relations: list[Edge[int]]) -> None:
    assert (two in dependencies(one, relations)) == (one in dependants(two, relations))


@given(nodes, edges)
def test_only_the_kinds_asked_for(start: int, relations: list[Edge[int]]) -> None:
    only = [edge for edge in relations if edge.kind == "runs on"]
    assert dependants(start, relations, ["runs on"]) == dependants(start, only)


def test_a_service_is_found_through_its_host_and_hypervisor() -> None:
    relations = [
        Edge("shop", "depends on", "web1"),
        Edge("web1", "runs on", "hv1"),
        Edge("hv1", "connected to", "r2"),
        Edge("hv1", "depends on", "shop"),
    ]
    chain = dependants("hv1", relations)["shop"]
    assert [(edge.from_ci, edge.kind, edge.to_ci) for edge in chain.edges] == [
        ("shop", "depends on", "web1"),
        ("web1", "runs on", "hv1"),
    ]
    assert list(dependants("r2", relations)) == ["hv1", "web1", "shop"]


@given(nodes, st.sets(nodes, min_size=1), st.lists(st.tuples(nodes, nodes), max_size=16))
def test_behind_is_what_only_it_joins_to_the_rest(one: int, roots: set[int], links: list[tuple[int, int]]) -> None:
    behind = cut_off_by(one, roots, links)
    assert one not in behind
    assert not behind & roots
    # Taking it away leaves what is behind it without a link to anything that is still reached.
    for left, right in links:
        if one not in (left, right) and left in behind:
            assert right in behind
