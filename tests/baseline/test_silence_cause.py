"""Why something is silent: what proves more goes before what proves less, and what nothing tells is said so."""

import pytest

from driftline_baseline.silence import Group, Heard, Unheard
from driftline_baseline.silence_cause import Cause, Evidence, Sighting, cause_of, cause_of_group

AFTER = 900_000
SEEN = 1_790_000_000_000


def sight(minutes: float, answered: bool, by: str = "web2") -> Sighting:
    return Sighting(by, "192.0.2.7", SEEN + int(minutes * 60_000), answered)


@pytest.mark.parametrize(
    ("evidence", "kind", "sure", "words"),
    [
        (Evidence(SEEN), "host down or network", "unknown", "nothing tells them apart"),
        (Evidence(SEEN, refused_ms=SEEN + 9, refused_reason="revoked; enrol"), "certificate", "certain", "revoked, "),
        (Evidence(SEEN, refused_ms=SEEN - 9, refused_reason="x"), "host down or network", "unknown", ""),
        (Evidence(SEEN, left_ms=SEEN + 9, left_reason="AGENT_STOPPED"), "agent", "certain", "told to stop"),
        (Evidence(SEEN, left_ms=SEEN + 9, left_reason="HOST_REBOOTS"), "host down", "certain", "has not come back"),
        (Evidence(SEEN, left_ms=SEEN + 9, left_reason="HOST_SHUTS_DOWN"), "host down", "certain", "shuts down"),
        (Evidence(SEEN, revoked_ms=SEEN + 9, revoked_by="bob"), "certificate", "certain", "by bob"),
        (Evidence(SEEN, revoked_ms=SEEN + 2 * AFTER), "host down or network", "unknown", ""),
        (Evidence(SEEN, certificate_until_ms=SEEN + 9), "certificate", "likely", "was not renewed"),
        # A host that is down for a day cannot renew: that its certificate ended is no cause.
        (Evidence(SEEN, certificate_until_ms=SEEN + 2 * AFTER), "host down or network", "unknown", ""),
        (Evidence(SEEN, sightings=[sight(9, True)]), "agent", "likely", "web2 reached 192.0.2.7"),
        (Evidence(SEEN, sightings=[sight(-1, True)]), "host down or network", "unknown", ""),
        (Evidence(SEEN, sightings=[sight(9, False)]), "host down", "likely", "got no answer"),
        (Evidence(SEEN, heard_by="snmp web1"), "agent", "certain", "snmp web1 still reports of it"),
        # One that reached it counts for more than one that did not: it is up, and something may be between.
        (Evidence(SEEN, sightings=[sight(9, False), sight(5, True, "db1")]), "agent", "likely", "db1 reached"),
        (
            Evidence(SEEN, refused_ms=SEEN + 9, left_ms=SEEN + 5, left_reason="AGENT_STOPPED"),
            "certificate", "certain", "is refused",
        ),
    ],
)  # fmt: skip
def test_one_ci(evidence: Evidence, kind: str, sure: str, words: str) -> None:
    cause = cause_of(evidence, AFTER)
    assert (cause.kind, cause.sure) == (kind, sure)
    assert words in cause.words and "; " not in cause.sentence()


def group(key: str, ci: Heard | Unheard | None = None, site: str | None = None) -> Group:
    members = tuple(Heard(name, name, "server", site, SEEN) for name in "abc")
    if isinstance(ci, Heard):
        members = (*members, ci)
    return Group(key, site, ci, members, SEEN)


UNCLEAR = cause_of(Evidence(SEEN), AFTER)
REFUSED = Cause("certificate", "certain", "refused")


def test_a_site_is_cut_off_unless_its_members_say_otherwise() -> None:
    assert cause_of_group(group("site:fra1", site="fra1"), [UNCLEAR] * 3).kind == "network"
    assert cause_of_group(group("site:fra1", site="fra1"), [REFUSED, UNCLEAR, UNCLEAR]).kind == "network"
    found = cause_of_group(group("site:fra1", site="fra1"), [REFUSED, REFUSED, UNCLEAR])
    assert (found.kind, found.sure) == ("certificate", "certain") and "2 of the 3" in found.words


def test_what_is_left_when_most_are_back_has_no_common_cause() -> None:
    found = cause_of_group(group("site:fra1", site="fra1"), [UNCLEAR], mostly_back=True)
    assert found.kind == "host down or network"
    assert cause_of_group(group("site:fra1", site="fra1"), [REFUSED], mostly_back=True).words == "refused"


def test_what_is_behind_a_router_or_on_a_hypervisor() -> None:
    router, host = Unheard("r1", "r1"), Heard("hv1", "hv1", "server", None, SEEN)
    assert cause_of_group(group("behind:r1", router), [UNCLEAR]).kind == "network"
    assert cause_of_group(group("behind:hv1", host), [UNCLEAR]).kind == "host down"


def test_one_by_itself_has_its_own_cause() -> None:
    assert cause_of_group(group("ci:a"), [REFUSED]) is REFUSED
    assert cause_of_group(group("ci:a"), []).sure == "unknown"
