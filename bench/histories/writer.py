"""From a story to the lines of a history and its truth: who sees what when, and what of it is not as expected."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from bench.histories.story import Act, Decision, Log, Story
from bench.histories.world import DAY_MS, HOUR_MS, MINUTE_MS, Attributes, Machine, section_of

from driftline_baseline.values import encode
from driftline_baseline.wording import package_of
from driftline_cmdb.received import SKEW_TOLERANCE_MS

#: A host's agent checks in so often in the history; real ones do it far more often, which changes nothing but the size.
CONFIRM_MS = 6 * HOUR_MS
#: Stands for what is expected at a place when somebody puts it back.
BACK = "back"


@dataclass
class Seen:
    """One report: acts that one look of the agent brings. All times true ones, ms."""

    observed: int
    received: int
    since: int
    acts: list[Act] = field(default_factory=list)


@dataclass
class _HostState:
    """What a host is and what is expected of it, as its reports come in."""

    actual: dict[str, Attributes]
    expected: dict[str, Attributes]
    #: Open differences: path -> (value, cause).
    open: dict[str, tuple[str | None, str]] = field(default_factory=dict)


class Writer:
    """Turns one story into lines."""

    def __init__(self, seed: int, machines: list[Machine], story: Story, start: int, end: int) -> None:
        self.seed, self.machines, self.story, self.start, self.end = seed, machines, story, start, end
        self.serials = {id(act): number for number, act in enumerate(story.acts)}
        self.lines: list[tuple[int, int, dict[str, Any]]] = [(line["at"], 0, line) for line in story.lines]
        self.truth: list[tuple[int, dict[str, Any]]] = []
        #: The causes that at least one true change has.
        self.shown: set[str] = set()

    def write(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the lines of the history (without header and end) and of its truth (without header)."""
        seen = self._seen()
        decided = self._decided(seen)
        self._put_back(decided)
        seen = self._seen()
        for machine in self.machines:
            self._host(machine, seen[machine.name], decided)
        at = self.start + 45 * MINUTE_MS
        names = [machine.name for machine in self.machines]
        baseline = {"kind": "baseline", "at": at, "hosts": names, "author": "planner", "approver": "approver"}
        self.lines.append((at, 0, baseline))
        self.lines.sort(key=lambda line: (line[0], line[1]))
        hosts = [
            {
                "kind": "host", "name": m.name, "environment": m.environment, "site": m.site, "labels": {"role": m.role}
            }
            for m in self.machines
        ]  # fmt: skip
        causes = [
            {"kind": "cause", "id": name, "what": what}
            for name, what in self.story.causes.items()
            if name in self.shown
        ]
        self.truth.sort(key=lambda item: (item[0], item[1]["host"], item[1]["path"]))
        return hosts + [line for _, _, line in self.lines], causes + [change for _, change in self.truth]

    # who sees what when

    def _seen(self) -> dict[str, list[Seen]]:
        by_host: dict[str, list[Act]] = {machine.name: [] for machine in self.machines}
        for act in self.story.acts:
            by_host[act.host].append(act)
        return {m.name: list(self._reports(m, sorted(by_host[m.name], key=lambda a: a.at))) for m in self.machines}

    def _reports(self, machine: Machine, acts: list[Act]) -> Iterator[Seen]:
        before, received = self.start + 30 * MINUTE_MS, self.start + 31 * MINUTE_MS
        waiting = list(acts)
        while waiting:
            first = waiting[0]
            draw = Random(f"{self.seed}/{machine.name}/{self.serials[id(first)]}")
            observed, known_good = _look(machine, first, draw)
            since = max(before + 1, known_good)
            bundle = [act for act in waiting if act.at < observed - 1000]
            # an agent waits for a package manager to rest before it reads
            observed = max([observed, *(act.at + act.log.took_ms + 2000 for act in bundle if act.log)])
            bundle = [act for act in waiting if act.at <= observed - 1000] or [first]
            waiting = waiting[len(bundle) :]
            arrives = observed + draw.randint(200, 3000)
            for start, end in machine.cut:
                if start <= arrives < end:
                    arrives = end + draw.randint(1000, 5 * MINUTE_MS)
            received = max(arrives, received + 1)
            before = observed
            yield Seen(observed, received, since, bundle)

    def _decided(self, seen: Mapping[str, list[Seen]]) -> dict[str, tuple[int, Decision]]:
        """Return when each decision is made: after the last change of its cause is known."""
        known: dict[str, int] = {}
        for reports in seen.values():
            for report in reports:
                for act in report.acts:
                    known[act.cause] = max(known.get(act.cause, 0), report.received)
        decided = {}
        for item in self.story.decisions:
            if item.cause in known:
                at = known[item.cause] + item.after_ms
                if at < self.end - 12 * HOUR_MS:
                    decided[item.cause] = (at, item)
        return decided

    def _put_back(self, decided: Mapping[str, tuple[int, Decision]]) -> None:
        """Add the acts with which people carry out the reverts that were ordered."""
        for act in list(self.story.acts):
            if act.true_class != "unexplained" or act.cause not in decided:
                continue
            at, decision = decided[act.cause]
            if decision.decision != "revert":
                continue
            changes: dict[str, Any] = dict.fromkeys(act.changes, BACK)
            back = Act(at + decision.reverted_after_ms + act.at % MINUTE_MS, act.host, changes, None, act.cause)
            back.log = Log(f"apt-get install # back out {act.cause}", "operator (1009)") if act.log else None
            self.serials[id(back)] = len(self.serials)
            self.story.acts.append(back)

    # what comes of it

    def _host(self, machine: Machine, reports: list[Seen], decided: Mapping[str, tuple[int, Decision]]) -> None:
        state = _HostState(dict(machine.state), dict(machine.state))
        self._first(machine)
        self._confirms(machine, reports)
        mine = {act.cause for report in reports for act in report.acts}
        events: list[tuple[int, int, Any]] = [(report.received, 0, report) for report in reports]
        events += [(decided[cause][0], 1, decided[cause][1]) for cause in mine if cause in decided]
        for at, kind, event in sorted(events, key=lambda item: item[:2]):
            if kind == 0:
                self._report(machine, state, event)
            else:
                self._decision(machine, state, event, at)

    def _first(self, machine: Machine) -> None:
        draw = Random(f"{self.seed}/{machine.name}/first")
        observed = self.start + draw.randint(MINUTE_MS, 28 * MINUTE_MS)
        received = observed + draw.randint(200, 3000)
        sections: dict[str, dict[str, Attributes]] = {}
        for path, attributes in sorted(machine.state.items()):
            sections.setdefault(section_of(path), {})[path] = attributes
        items = [
            {"name": name, "observed": observed + machine.ahead_ms, "since": None, "whole": content}
            for name, content in sections.items()
        ]
        sent = received - draw.randint(20, 150) + machine.ahead_ms
        line = {"kind": "report", "at": received, "host": machine.name, "sent": sent, "sections": items, "log": []}
        self.lines.append((received, 1, line))

    def _confirms(self, machine: Machine, reports: list[Seen]) -> None:
        draw = Random(f"{self.seed}/{machine.name}/confirms")
        at = self.start + HOUR_MS + draw.randint(0, CONFIRM_MS)
        blocked = [*machine.down, *machine.cut]
        blocked += [(min(a.at for a in r.acts) - 1000, max(r.received, r.observed) + 1000) for r in reports]
        while at < self.end - HOUR_MS:
            observed = at - draw.randint(1000, MINUTE_MS)
            if not any(start <= at <= end or start <= observed <= end for start, end in blocked):
                ahead = machine.ahead_ms
                sent = at - draw.randint(20, 150) + ahead
                line = {"kind": "confirm", "at": at, "host": machine.name, "sent": sent, "observed": observed + ahead}
                self.lines.append((at, 1, line))
            at += CONFIRM_MS + draw.randint(-HOUR_MS, HOUR_MS)

    def _report(self, machine: Machine, state: _HostState, report: Seen) -> None:
        draw = Random(f"{self.seed}/{machine.name}/{report.observed}")
        sent = report.received - draw.randint(20, 150) + machine.ahead_ms
        before = dict(state.actual)
        log, last = [], {}
        for act in report.acts:
            changes = {}
            for path, change in act.changes.items():
                old = state.actual.get(path)
                new = change(old) if callable(change) else state.expected.get(path) if change is BACK else change
                if new != old:
                    changes[path] = (old, new)
                    last[path] = act
                    if new is None:
                        del state.actual[path]
                    else:
                        state.actual[path] = new
            if act.log is not None and changes:
                log.append(_log(act, act.log, changes, machine.ahead_ms))
        changed = [path for path in sorted(last) if before.get(path) != state.actual.get(path)]
        if not changed and not log:
            return
        sections: dict[str, dict[str, Any]] = {}
        for path in changed:
            name = section_of(path)
            item = sections.setdefault(
                name,
                {
                    "name": name, "observed": report.observed + machine.ahead_ms,
                    "since": report.since + machine.ahead_ms, "set": {}, "gone": [],
                },
            )  # fmt: skip
            if path in state.actual:
                item["set"][path] = state.actual[path]
            else:
                item["gone"].append(path)
        line = {
            "kind": "report", "at": report.received, "host": machine.name, "sent": sent,
            "sections": list(sections.values()), "log": log,
        }  # fmt: skip
        self.lines.append((report.received, 1, line))
        skew = report.received - sent
        corrected = report.observed + machine.ahead_ms + (0 if abs(skew) <= SKEW_TOLERANCE_MS else skew)
        for path in changed:
            self._judge(machine, state, path, last[path], corrected)

    def _judge(self, machine: Machine, state: _HostState, element: str, act: Act, observed: int) -> None:
        true_class = act.classes.get(element, act.true_class)
        actual, expected = state.actual.get(element), state.expected.get(element)
        found = dict(_differences(element, expected, actual))
        for path in [path for path in state.open if path == element or path.startswith(f"{element}.")]:
            if found.get(path, 0) != state.open[path][0]:
                del state.open[path]
        for path, after in found.items():
            if path in state.open:
                continue
            if true_class is None:
                raise AssertionError(f"{machine.name} {path}: put back, but not to what is expected")
            state.open[path] = (after, act.cause)
            self.shown.add(act.cause)
            change = {
                "kind": "change", "host": machine.name, "path": path, "after": after, "observed": observed,
                "class": true_class, "cause": act.cause, "by": act.by if true_class != "unexplained" else None,
                "why": act.why,
            }  # fmt: skip
            self.truth.append((observed, change))
        if true_class in ("explained", "consequential"):
            self._expect(state, element)

    def _expect(self, state: _HostState, element: str) -> None:
        """What is there now is what is expected from now on."""
        if element in state.actual:
            state.expected[element] = state.actual[element]
        else:
            state.expected.pop(element, None)
        for path in [path for path in state.open if path == element or path.startswith(f"{element}.")]:
            del state.open[path]

    def _decision(self, machine: Machine, state: _HostState, decision: Decision, at: int) -> None:
        mine = sorted(path for path, (_, cause) in state.open.items() if cause == decision.cause)
        if not mine:
            return
        for path in mine:
            line: dict[str, Any] = {
                "kind": "decide", "at": at, "decision": decision.decision, "host": machine.name, "path": path,
                "by": decision.by,
            }  # fmt: skip
            if decision.decision == "accept":
                line["until"] = self.end + 30 * DAY_MS
            self.lines.append((at, 2, line))
        if decision.decision == "authorise":
            for path in mine:
                self._expect(state, _element(state, path))


def _look(machine: Machine, act: Act, draw: Random) -> tuple[int, int]:
    """Return when the agent sees an act, and the last time before it at which it saw that nothing had changed."""
    for start, end in machine.down:
        if start <= act.at < end:
            return end + draw.randint(5000, MINUTE_MS), start - draw.randint(1000, 2 * MINUTE_MS)
    delay = draw.randint(2000, 40_000) if draw.random() < 0.9 else draw.randint(MINUTE_MS, 15 * MINUTE_MS)
    observed, known_good = act.at + delay, act.at - draw.randint(5000, 10 * MINUTE_MS)
    for start, end in machine.down:
        if start <= observed < end:
            observed = end + draw.randint(5000, MINUTE_MS)
        if start <= known_good < end:
            known_good = end + 1000 if end + 1000 < act.at else start - 1000
    return observed, known_good


def _differences(
    element: str, expected: Attributes | None, actual: Attributes | None
) -> Iterator[tuple[str, str | None]]:
    if expected == actual:
        return
    if expected is None or actual is None:
        yield element, encode(actual)
        return
    for name in sorted(expected.keys() | actual.keys()):
        if expected.get(name) != actual.get(name):
            yield f"{element}.{name}", encode(actual.get(name))


def _element(state: _HostState, path: str) -> str:
    return path if path.endswith("]") else path[: path.rindex(".")]


def _log(act: Act, log: Log, changes: Mapping[str, tuple[Any, Any]], ahead_ms: int) -> dict[str, Any]:
    steps = []
    for path, (old, new) in changes.items():
        named = package_of(path)
        if named is None:
            continue
        before, after = (old or {}).get("version", ""), (new or {}).get("version", "")
        action = "install" if old is None else "purge" if new is None else "upgrade"
        steps.append([action, named[1], named[2], before, after, named[1] in log.automatic])
    start, end = act.at - 2000 + ahead_ms, act.at + log.took_ms + ahead_ms
    return {
        "manager": log.manager, "command": log.command, "by": log.by, "start": start // 1000 * 1000,
        "end": end // 1000 * 1000, "changes": steps,
    }  # fmt: skip
