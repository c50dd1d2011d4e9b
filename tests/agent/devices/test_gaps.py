"""What is shown to be empty by what follows a name."""

from driftline_agent.devices.gaps import Gaps, between, names_for
from driftline_agent.devices.snmp.values import Kind, Oid, Var

UPS, PRINTER, PRINTER_NAME, OSPF = (1, 33, 1), (1, 43, 5, 1), (1, 43, 5, 2), (1, 14, 1)
EMPTY = frozenset({UPS, PRINTER, PRINTER_NAME, OSPF})


def follows(*answers: tuple[Oid, Oid | None]) -> Gaps:
    found = [Var(end or name, Kind.INTEGER if end else Kind.END_OF_MIB_VIEW, 0) for name, end in answers]
    return between(EMPTY, [name for name, _ in answers], found)


def test_nothing_is_between_a_name_and_what_follows_it() -> None:
    gaps = follows((OSPF, (1, 33, 2, 0)), (PRINTER, None))
    assert all(gaps.covers(one) for one in EMPTY)
    assert not gaps.covers((1, 20))  # nobody found it empty before
    assert not gaps.covers((1, 13))


def test_what_has_come_is_not_empty() -> None:
    assert not follows((UPS, (*UPS, 0))).covers(UPS)
    gaps = follows((PRINTER, (*PRINTER_NAME, 1, 1)))
    assert gaps.covers(PRINTER) and not gaps.covers(PRINTER_NAME)


def test_a_name_that_goes_back_shows_nothing() -> None:
    assert not follows((PRINTER, (1, 2))).covers(PRINTER)
    assert not follows((PRINTER, PRINTER)).covers(PRINTER)


def test_the_next_question_has_the_names_that_are_needed() -> None:
    empty = sorted(EMPTY)
    assert names_for(Gaps(), empty) == (OSPF, UPS, PRINTER)  # the first of each table
    gaps = follows((OSPF, (1, 40)), (UPS, (1, 40)), (PRINTER, None))
    assert names_for(gaps, empty) == (OSPF, PRINTER)
    gaps = follows((OSPF, None), (UPS, None), (PRINTER, None))
    assert names_for(gaps, empty) == (OSPF,)
    gaps = follows((OSPF, (1, 20)), (PRINTER, (*PRINTER, 1)))
    assert names_for(gaps, [OSPF, UPS, PRINTER_NAME]) == (OSPF, UPS, PRINTER_NAME)
