"""Routing: every event goes somewhere or is dropped with a reason, and hours are those of the wall clock."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from driftline_baseline.document import Selector
from driftline_baseline.errors import DocumentError
from driftline_baseline.hours import Hours, days_of, next_daily_ms
from driftline_baseline.interval import Interval
from driftline_baseline.kinds import SEVERITIES
from driftline_baseline.routing import SHIPPED, Digest, Happening, Meant, Page, decide, parse


def ci(labels: dict[str, str] | None = None, **fields: tuple[str, ...]) -> Meant:
    def meant(selector: Selector) -> bool:
        return selector.selects({name.rstrip("_"): values for name, values in fields.items()}, labels or {})

    return meant


WEB = ci({"role": "web"}, ci=("web1", "uid-1"), class_=("server",), environment=("production",), services=("shop",))
KINDS = ("rfc.raised", "rfc.closed", "finding.opened")


def ms(text: str, zone: str = "UTC") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


NOON = ms("2026-11-24T12:00")


def test_what_is_shipped_pages_critical_and_digests_the_rest() -> None:
    routing = parse(SHIPPED)
    for severity in SEVERITIES:
        decision = decide(routing, Happening("rfc.raised", severity, NOON))
        assert [page.channel for page in decision.pages] == (["page"] if severity == "critical" else [])
        assert len(decision.digests) == (0 if severity == "critical" else 1)
        assert decision.dropped is None


def test_the_first_route_that_fits_counts_and_continue_goes_on() -> None:
    routing = parse(
        """
        routes:
          - match: {kind: "rfc.*", services: [shop], labels: {role: web}}
            page: [a, b]
            escalate_after: 15m
            escalate_to: [boss, chief]
            continue: true
          - match: {environment: test*}
            drop: nobody is woken for a test machine
          - match: {severity: [info]}
            digest: {channel: day, at: "08:00", zone: Europe/Berlin}
          - page: b
        """
    )
    decision = decide(routing, Happening("rfc.raised", "info", NOON, [WEB]))
    assert decision.pages == (Page("a", 1, 900_000, ("boss", "chief")), Page("b", 1))
    assert decision.digests == ((Digest("day", at=time(8), zone="Europe/Berlin"), 3),)
    assert decision.routes == (1, 3)
    lab = ci(environment=("testing",))
    dropped = decide(routing, Happening("rfc.raised", "critical", NOON, [lab]))
    assert (dropped.pages, dropped.digests) == ((), ())
    assert dropped.dropped == "nobody is woken for a test machine"
    assert routing.channels() == {"a", "b", "boss", "chief", "day"}


def test_all_conditions_on_a_ci_hold_for_the_same_one() -> None:
    routing = parse("routes: [{match: {services: shop, environment: test}, page: a}, {page: b}]")
    both = [WEB, ci(environment=("test",), services=("other",))]
    assert decide(routing, Happening("rfc.raised", "info", NOON, both)).pages[0].channel == "b"
    assert decide(routing, Happening("rfc.raised", "info", NOON)).pages[0].channel == "b"


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("", "r.yaml", "is empty"),
        ("routes: [", "r.yaml:1:", "not YAML"),
        ("routes: []", "r.yaml:1:9", "must fit everything"),
        ("routes:\n  - match: {severity: critical}\n    page: a", "r.yaml:2:5", "must fit everything"),
        ("routes:\n  - page: a\n    continue: true", "r.yaml:2:5", "must fit everything"),
        ("routes:\n  - page: a\n  - page: b", "r.yaml:2:5", "no route after it is ever reached"),
        ("routes:\n  - match: {sevrity: info}\n    page: a\n  - page: b", "r.yaml:2:13", '"sevrity" is not known here'),
        ("routes:\n  - match: {severity: high}\n    page: a\n  - page: b", "r.yaml:2:23", '"high" is not one of info'),
        ("routes:\n  - drop: true", "r.yaml:2:11", "needs the reason"),
        ("routes:\n  - drop: x\n    page: a", "r.yaml:2:11", "stands alone"),
        ("routes:\n  - page: []", "r.yaml:2:11", "empty list"),
        ("routes:\n  - match: {}", "r.yaml:2:5", "does nothing"),
        ("routes:\n  - digest: {channel: a}", "r.yaml:2:13", "one of every"),
        ("routes:\n  - digest: {channel: a, every: 3x}", "r.yaml:2:33", "not a span of time"),
        ("routes:\n  - digest: {channel: a, at: 25:00}", "r.yaml:2:30", "no time of day; write it in quotes"),
        ("routes:\n  - page: a\n    escalate_after: 5m", "r.yaml:2:5", "belong together"),
        ("zone: Mars/Base\nroutes:\n  - page: a", "r.yaml:1:7", "no time zone"),
        ("routes:\n  - match: {hours: {days: [fry]}}\n    page: a\n  - page: b", "r.yaml:2:27", "is not one of mon"),
        ("routes:\n  - match: {hours: {from: 08:00, to: 08:00}}\n    page: a\n  - page: b", "r.yaml:2:20", "no time"),
    ],
)
def test_errors_name_the_place_and_the_mend(text: str, place: str, words: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse(text, "r.yaml")
    assert str(caught.value).startswith(place)
    assert words in str(caught.value)


hours = st.fixed_dictionaries(
    {},
    optional={
        "days": st.lists(st.sampled_from(["mon-fri", "sat", "sun-tue"]), min_size=1, max_size=2),
        "from": st.sampled_from(["00:00", "08:00", "22:00"]),
        "to": st.sampled_from(["06:00", "18:00", "23:59"]),
        "zone": st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
    },
)
match = st.fixed_dictionaries(
    {},
    optional={
        "severity": st.lists(st.sampled_from(SEVERITIES), min_size=1, max_size=2),
        "kind": st.sampled_from([*KINDS, "rfc.*"]),
        "services": st.sampled_from(["shop", "nothing"]),
        "labels": st.just({"role": "web"}),
        "hours": hours,
    },
)
action = st.one_of(
    st.builds(lambda on: {"page": ["a"], "continue": on}, st.booleans()),
    st.builds(lambda on: {"digest": {"channel": "d", "every": "1h"}, "continue": on}, st.booleans()),
    st.just({"drop": "a reason"}),
)
last = st.sampled_from([{"page": "z"}, {"digest": {"channel": "z", "at": "08:00"}}, {"drop": "the rest"}])


@given(
    st.lists(st.builds(lambda m, a: {"match": {**m, "class": "*"}, **a}, match, action), max_size=5),
    last,
    st.sampled_from(KINDS),
    st.sampled_from(SEVERITIES),
    st.integers(0, 2_000_000_000_000),
    st.lists(st.just(WEB), max_size=2),
)
def test_nothing_is_lost(
    routes: list[dict[str, object]], end: dict[str, object], kind: str, severity: str, at_ms: int, cis: list[Meant]
) -> None:
    routing = parse(yaml.safe_dump({"routes": [*routes, end]}))
    decision = decide(routing, Happening(kind, severity, at_ms, cis))
    told = bool(decision.pages or decision.digests)
    assert told != (decision.dropped is not None)
    assert decision.routes
    for digest, _ in decision.digests:
        assert at_ms < digest.next_ms(at_ms) <= at_ms + 26 * 3_600_000


def test_hours_go_on_over_midnight() -> None:
    friday_night = Hours(frozenset({4}), time(22), time(6), "Europe/Berlin")
    covered = [
        text
        for text in ("2026-11-27T21:59", "2026-11-27T22:00", "2026-11-28T05:59", "2026-11-28T06:00", "2026-11-27T03:00")
        if friday_night.holds(ms(text, "Europe/Berlin"))
    ]
    assert covered == ["2026-11-27T22:00", "2026-11-28T05:59"]


def test_hours_are_the_wall_clocks_when_it_changes() -> None:
    morning = Hours(frozenset(range(7)), time(8), time(9), "Europe/Berlin")
    assert morning.holds(ms("2026-03-28T07:30")) and not morning.holds(ms("2026-03-28T06:30"))  # UTC+1
    assert morning.holds(ms("2026-03-29T06:30")) and not morning.holds(ms("2026-03-29T07:30"))  # UTC+2
    twice = Hours(frozenset({6}), time(2), time(3), "Europe/Berlin")  # 2026-10-25 has 02:00 to 03:00 twice
    start = ms("2026-10-24T22:00")
    assert sum(twice.holds(start + minute * 60_000) for minute in range(600)) == 120
    skipped = Hours(frozenset({6}), time(2), time(3), "Europe/Berlin")  # 2026-03-29 has no 02:00 to 03:00
    start = ms("2026-03-28T22:00")
    assert sum(skipped.holds(start + minute * 60_000) for minute in range(600)) == 0


@given(
    st.builds(
        Hours,
        st.frozensets(st.integers(0, 6)),
        st.sampled_from([time(0), time(2, 30), time(22)]),
        st.sampled_from([None, time(2), time(6), time(23, 59)]),
        st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]),
    ),
    st.integers(1_577_836_800_000, 1_893_456_000_000),
)
def test_what_holds_at_a_moment_may_hold_for_a_change_around_it(hours: Hours, at_ms: int) -> None:
    assert not hours.holds(at_ms) or hours.may_hold(Interval(at_ms - 1, at_ms))
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(hours.zone))
    shown, day, end = local.time(), local.weekday(), hours.end
    if end is None or end > hours.start:
        wall = day in hours.days and hours.start <= shown and (end is None or shown < end)
    else:
        wall = (day in hours.days and shown >= hours.start) or ((day - 1) % 7 in hours.days and shown < end)
    clock_changes = any(local.utcoffset() != (local + timedelta(days=days)).utcoffset() for days in (-2, -1, 1, 2))
    assert clock_changes or hours.holds(at_ms) == wall


def test_patterns_in_selectors_are_wild_cards_only() -> None:
    for pattern, meant in (("web*", True), ("w?b1", True), ("web", False), ("web[0-9]", False), ("*2", False)):
        assert Selector({"ci": (pattern,)}).selects({"ci": ("uid-1", "web1")}, {}) is meant


@given(
    st.integers(1_577_836_800_000, 1_893_456_000_000),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_a_daily_digest_comes_once_each_day(after_ms: int, at: time, zone: str) -> None:
    days = []
    for _ in range(4):
        due_ms = next_daily_ms(at, zone, after_ms)
        assert due_ms > after_ms
        days.append(datetime.fromtimestamp(due_ms / 1000, UTC).astimezone(ZoneInfo(zone)).date())
        after_ms = due_ms
    assert days == [days[0] + timedelta(days=number) for number in range(4)]


def test_days() -> None:
    assert days_of(["mon-fri"]) == {0, 1, 2, 3, 4}
    assert days_of(["sat-mon", "wed"]) == {5, 6, 0, 2}
    assert days_of(["someday"]) is None
