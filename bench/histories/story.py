"""What happens to the fleet: acts with their truth, and the decisions that people make. Nothing of reports in here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from random import Random
from typing import Any

from bench.histories.world import (
    APPS,
    DAY_MS,
    EXTRAS,
    FLEET,
    HOUR_MS,
    KERNEL,
    MINUTE_MS,
    OWNED_FILES,
    PEOPLE,
    SITES,
    STANDING,
    SYSCTLS,
    UNITS,
    Attributes,
    Machine,
    digest,
    file_at,
    package,
    sysctl,
    unit,
    with_version,
)

DEBIAN, CORP = "debian-security", "corp"
RULE = "corp packages by themselves"
PATCHER = "patch (998)"
#: Hours (UTC) in which corp packages may update themselves.
RULE_HOURS = (1, 5)


@dataclass(frozen=True, slots=True)
class Log:
    """A transaction of apt's log; the writer fills in its times."""

    command: str
    by: str
    #: Names of packages that came as dependencies.
    automatic: frozenset[str] = frozenset()
    manager: str = "apt"
    took_ms: int = 20_000


@dataclass
class Act:
    """Something that happens on one host at one moment."""

    at: int
    host: str
    #: What elements become; None: gone. A callable gets the attributes before.
    changes: dict[str, Attributes | Callable[[Attributes | None], Attributes] | None]
    #: None: it brings back what is expected.
    true_class: str | None
    cause: str
    by: str | None = None
    why: str = ""
    log: Log | None = None
    #: Classes of single paths that differ from the act's own.
    classes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """An operator decides on a cause, some time after the last of its changes is known."""

    cause: str
    decision: str
    after_ms: int
    by: str
    #: How long after a revert is ordered the hosts are put back.
    reverted_after_ms: int = 2 * HOUR_MS


@dataclass
class Story:
    """All that happens."""

    acts: list[Act] = field(default_factory=list)
    causes: dict[str, str] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    #: Lines of the history that are no reports, as JSON objects.
    lines: list[dict[str, Any]] = field(default_factory=list)

    def cause(self, what: str) -> str:
        """Note a cause and return its id."""
        identifier = f"c{len(self.causes) + 1}"
        self.causes[identifier] = what
        return identifier


class Author:
    """Writes the story."""

    def __init__(self, random: Random, machines: Sequence[Machine], start: int, end: int) -> None:
        self.random, self.machines, self.start, self.end = random, machines, start, end
        self.by_name = {machine.name: machine for machine in machines}
        self.story = Story()
        #: Places that somebody changed by hand: nothing else touches them.
        self.used: set[tuple[str, str]] = set()
        self.versions = {name: version for name, (version, _) in FLEET.items()}
        self.kernel = KERNEL
        self.serial = 0

    def write(self) -> Story:
        """Write all of it."""
        self.story.lines.append(
            {
                "kind": "catalogue", "at": self.start, "origin": CORP,
                "entries": [["dpkg", name, "amd64", version] for name, version in STANDING.items()],
            }
        )  # fmt: skip
        for _ in range(max(2, int(len(self.machines) * (self.end - self.start) / DAY_MS / 3000))):
            self.foreign_version(self.random.randint(self.start + 30 * HOUR_MS, self.end - 30 * HOUR_MS))
        self.rollouts()
        self.applications()
        self.settings()
        self.standing()
        self.by_hand()
        self.story.acts = [act for act in self.story.acts if act.at < self.end - 2 * HOUR_MS]
        self.story.acts.sort(key=lambda act: (act.at, act.host))
        return self.story

    def next(self) -> int:
        self.serial += 1
        return self.serial

    def act(self, *args: Any, **more: Any) -> Act:
        act = Act(*args, **more)
        self.story.acts.append(act)
        return act

    def watched(self, machines: Sequence[Machine], at: int, around_ms: int = HOUR_MS) -> list[Machine]:
        return [machine for machine in machines if machine.looks_at(at, around_ms)]

    # planned: security updates in waves

    def rollouts(self) -> None:
        for number, day in enumerate(range(0, (self.end - self.start) // DAY_MS - 2, 7), start=1):
            self.rollout(number, self.start + day * DAY_MS)

    def rollout(self, number: int, day: int) -> None:
        random = self.random
        names = sorted(random.sample(sorted(FLEET), 8))
        halfway = {name: f"{self.versions[name]}+r{number}a" for name in names}
        final = {name: f"{self.versions[name]}+r{number}b" for name in names}
        self.versions.update(final)
        helper = f"libsec{number}-data"
        entries = [["dpkg", helper, "amd64", f"{number}.0-1"]]
        entries += [["dpkg", name, "amd64", version] for group in (halfway, final) for name, version in group.items()]
        old = self.kernel
        if number % 2:
            self.kernel = new = (f"6.1.0-{18 + number}", f"6.1.{76 + number * 4}-1")
            entries += [["dpkg", f"linux-image-{new[0]}-amd64", "amd64", new[1]]]
            entries += [["dpkg", "linux-image-amd64", "amd64", new[1]]]
        published = day + 12 * HOUR_MS
        self.story.lines.append({"kind": "catalogue", "at": published, "origin": DEBIAN, "entries": entries})
        waves = [("test", None, 1), ("staging", None, 1)] + [("production", site, 2) for site in SITES]
        for index, (environment, site, days) in enumerate(waves):
            chosen = [m for m in self.machines if m.environment == environment and site in (None, m.site)]
            if chosen:
                begin = day + days * DAY_MS + (index % 3) * 5 * HOUR_MS // 2
                wave = f"rollout-{number}-{environment}" + (f"-{site}" if site else "")
                self.wave(wave, chosen, begin, published, halfway, final, helper, old, number)

    def wave(
        self, wave: str, chosen: Sequence[Machine], begin: int, published: int, halfway: dict[str, str],
        final: dict[str, str], helper: str, old: tuple[str, str], number: int,
    ) -> None:  # fmt: skip
        random, end = self.random, begin + 4 * HOUR_MS
        hosts = [machine.name for machine in chosen]
        predictions: list[dict[str, Any]] = [
            {"hosts": hosts, "path": "software.packages[dpkg/*].version", "kind": "upgrade", "origin": DEBIAN}
        ]
        if self.kernel != old:
            path = "software.packages[dpkg/linux-image-*/amd64]"
            predictions.append({"hosts": hosts, "path": path, "kind": "present", "origin": DEBIAN})
        self.request(wave, f"security updates, {wave}", published + 2 * HOUR_MS, begin, end, predictions)
        planned = self.story.cause(f"{wave}: planned")
        late = self.story.cause(f"{wave}: hosts that took it after its window")
        has_late = False
        for machine in chosen:
            draw = random.random()
            log = Log(f"apt-get -y dist-upgrade -o Change={wave}", PATCHER, frozenset({helper}))
            at = begin + int(random.betavariate(1.2, 3) * 3.6 * HOUR_MS) + MINUTE_MS
            changes = self.upgrades(machine, final, helper, old, number)
            if not changes or draw < 0.02:
                continue  # nothing happens there
            classes = {package(helper): "consequential"}
            classes |= {path: "consequential" for path in changes if path.startswith("files.")}
            common = {"by": wave, "classes": classes}
            if draw < 0.04:
                at = end - random.randint(MINUTE_MS, 5 * MINUTE_MS)  # a straggler in time
            elif draw < 0.055:
                at = end + random.randint(30 * MINUTE_MS, 14 * HOUR_MS)
                if machine.looks_at(at, 6 * HOUR_MS):
                    why = "it came after the window of its RFC"
                    self.act(at, machine.name, changes, "unexplained", late, why=why, log=log)
                    has_late = True
                continue
            elif draw < 0.08:
                some = {p: c for i, (p, c) in enumerate(changes.items()) if i < 3 or p == package(helper)}
                self.act(at, machine.name, some, "explained", planned, log=log, why="only a part arrived", **common)
                continue
            elif draw < 0.11:
                first = self.upgrades(machine, halfway, None, None, number)
                self.act(at, machine.name, first, "explained", planned, log=log, why="halfway first", **common)
                at += random.randint(5 * MINUTE_MS, 20 * MINUTE_MS)
            self.act(at, machine.name, changes, "explained", planned, log=log, **common)
            if random.random() < 3 / (len(chosen) + 3):
                self.amid_the_wave(machine, at)
        if has_late and random.random() < 0.7:
            self.decide(late, "authorise")
        self.intruder(chosen, begin, end)

    def upgrades(
        self, machine: Machine, versions: dict[str, str], helper: str | None, old: tuple[str, str] | None, number: int
    ) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        for name, version in versions.items():
            path = package(name)
            if path in machine.state and (machine.name, path) not in self.used:
                changes[path] = lambda before, version=version: with_version(before, version)
        if not changes:
            return {}
        if helper is not None:
            changes[package(helper)] = with_version(None, f"{number}.0-1")
        if old is not None and self.kernel != old:
            release, version = self.kernel
            changes[package(f"linux-image-{release}-amd64")] = with_version(None, version)
            changes[package("linux-image-amd64")] = lambda before: with_version(before, version)
        for name, owner in OWNED_FILES.items():
            path = file_at(name)
            if package(owner) in changes and path in machine.state and (machine.name, path) not in self.used:
                new = f"sha256:{hash_of(owner, versions[owner])}"
                changes[path] = lambda before, new=new: {**(before or {}), "digest": new}
        return changes

    def amid_the_wave(self, machine: Machine, at: int) -> None:
        """Somebody edits by hand while the wave passes, so close that one report brings both."""
        random = self.random
        name = random.choice(sorted(SYSCTLS))
        if not self.free([machine], sysctl(name)):
            return
        cause = self.story.cause(f"{machine.name}: {name} set by hand amid a wave")
        value = {"value": str(random.randint(100_000, 9_999_999))}
        why = "a hand edit at the time of the wave"
        self.act(at + random.randint(500, 5000), machine.name, {sysctl(name): value}, "unexplained", cause, why=why)
        self.decide(cause)

    def intruder(self, chosen: Sequence[Machine], begin: int, end: int) -> None:
        """Somebody puts a service and a second root in place while the maintenance window is open."""
        if self.random.random() < 0.4:
            return
        machine = self.random.choice(list(chosen))
        at = self.random.randint(begin + 10 * MINUTE_MS, end - 10 * MINUTE_MS)
        name = "".join(self.random.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(10))
        path = f"/etc/systemd/system/{name}.service"
        cause = self.story.cause(f"{machine.name}: an intruder's service {name} in a maintenance window")
        changes: dict[str, Any] = {
            file_at(path): {
                "type": "file", "owner": "root", "group": "root", "mode": "0644", "digest": digest(self.random)
            },
            unit(f"{name}.service"): {"enablement": "enabled", "path": path, "exec_start": (f"/lib/{name}",)},
            f"accounts.users[{name}]": {"uid": 0, "gid": 0, "home": "/", "shell": "/bin/sh"},
        }  # fmt: skip
        self.act(at, machine.name, changes, "unexplained", cause, why="a maintenance window explains nothing")
        self.decide(cause, "revert")

    def request(
        self, identifier: str, title: str, at: int, start: int, end: int, predictions: list[dict[str, Any]]
    ) -> None:
        self.story.lines += [
            {
                "kind": "rfc", "at": at, "id": identifier, "title": title, "requester": "planner", "start": start,
                "end": end, "predictions": predictions,
            },
            {"kind": "authorise", "at": at + 30 * MINUTE_MS, "rfc": identifier, "by": "approver"},
        ]  # fmt: skip

    # planned: an application whose version the RFC names, and a kernel setting

    def applications(self) -> None:
        random = self.random
        for number, day in enumerate(range(1, (self.end - self.start) // DAY_MS - 1, 5)):
            role = sorted(APPS)[number % len(APPS)]
            name, before = APPS[role]
            version = f"{before.partition('-')[0]}.{number + 1}-1"
            chosen = [m for m in self.machines if m.role == role]
            begin = self.start + day * DAY_MS + 14 * HOUR_MS
            identifier, end = f"app-{number}-{name}", begin + 2 * HOUR_MS
            path = package(name)
            prediction = {
                "hosts": [m.name for m in chosen], "path": f"{path}.version", "kind": "at_least", "operand": version
            }  # fmt: skip
            self.request(identifier, f"{name} {version}", begin - DAY_MS // 2, begin, end, [prediction])
            planned = self.story.cause(f"{identifier}: planned")
            stuck = self.story.cause(f"{identifier}: hosts that were left halfway")
            log = Log(f"apt-get -y install {name}={version}", "deploy (997)")
            for machine in chosen:
                draw = random.random()
                at = begin + random.randint(5 * MINUTE_MS, 100 * MINUTE_MS)
                if draw < 0.03:
                    continue
                if draw < 0.10:
                    middle = f"{before.partition('-')[0]}.{number}.9-1"
                    change = {path: lambda before, middle=middle: with_version(before, middle)}
                    if draw < 0.045:
                        why = "neither what was there nor what was predicted, and the window has ended"
                        self.act(at, machine.name, change, "unexplained", stuck, why=why, log=log)
                        continue
                    self.act(at, machine.name, change, "in progress", planned, by=identifier, log=log)
                    at += random.randint(3 * MINUTE_MS, 12 * MINUTE_MS)
                change = {path: lambda before, version=version: with_version(before, version)}
                self.act(at, machine.name, change, "explained", planned, by=identifier, log=log)

    def settings(self) -> None:
        random = self.random
        for number, day in enumerate(range(1, (self.end - self.start) // DAY_MS - 1, 9)):
            role, name = random.choice(("web", "db")), f"net.core.planned_{number}"
            value = str(random.randint(8000, 90000))
            chosen = [m for m in self.machines if m.role == role]
            for machine in chosen:
                machine.state[sysctl(name)] = {"value": "1024"}
            begin = self.start + day * DAY_MS + 9 * HOUR_MS
            identifier = f"setting-{number}"
            place = f"{sysctl(name)}.value"
            prediction = {"hosts": [m.name for m in chosen], "path": place, "kind": "is", "operand": value}
            self.request(identifier, f"{name} = {value}", begin - 6 * HOUR_MS, begin, begin + HOUR_MS, [prediction])
            planned = self.story.cause(f"{identifier}: planned")
            for machine in chosen:
                at = begin + random.randint(MINUTE_MS, 50 * MINUTE_MS)
                if random.random() < 0.03:
                    continue
                if random.random() < 2 / (len(chosen) + 2):
                    wrong = f"{value}{random.randint(1, 99)}"
                    cause = self.story.cause(f"{machine.name}: {name} set to {wrong}, not to {value}")
                    why = "another value than the predicted one"
                    self.act(at, machine.name, {sysctl(name): {"value": wrong}}, "unexplained", cause, why=why)
                    self.decide(cause)
                else:
                    change = {sysctl(name): {"value": value}}
                    self.act(at, machine.name, change, "explained", planned, by=identifier)

    # standing: packages that update themselves from an origin

    def standing(self) -> None:
        random = self.random
        rule = {
            "name": RULE,
            "selector": {"environment": ["staging", "production"]},
            "hours": {"from": f"{RULE_HOURS[0]:02}:00", "to": f"{RULE_HOURS[1]:02}:00"},
            "allow": [{"path": "software.packages[dpkg/corp-*/amd64].version", "upgrade": True, "origin": CORP}],
            "expires": datetime.fromtimestamp(self.end / 1000 + 30 * 86400, UTC).date().isoformat(),
        }
        at = self.start + 6 * HOUR_MS
        self.story.lines.append({"kind": "rule", "at": at, "author": "planner", "approver": "approver", "rule": rule})
        versions = dict(STANDING)
        for number, day in enumerate(range(0, (self.end - self.start) // DAY_MS - 1, 3), start=1):
            published = self.start + day * DAY_MS + 13 * HOUR_MS
            names = random.sample(sorted(STANDING), 2)
            versions.update({name: f"{STANDING[name].partition('-')[0]}.{number}-1" for name in names})
            entries = [["dpkg", name, "amd64", versions[name]] for name in names]
            self.story.lines.append({"kind": "catalogue", "at": published, "origin": CORP, "entries": entries})
            explained = self.story.cause(f"{RULE}: {', '.join(names)}")
            for machine in self.machines:
                if machine.environment == "test" or random.random() < 0.02:
                    continue
                night = self.start + (day + 1 + (random.random() < 0.05)) * DAY_MS
                first, last = (hour * HOUR_MS for hour in RULE_HOURS)
                at = night + random.randint(first + 30 * MINUTE_MS, last - 30 * MINUTE_MS)
                changes: dict[str, Any] = {}
                for name in names:
                    path, version = package(name), versions[name]
                    if path in machine.state and (machine.name, path) not in self.used:
                        changes[path] = lambda before, version=version: with_version(before, version)
                if changes:
                    log = Log("/usr/bin/unattended-upgrade", "root")
                    self.act(at, machine.name, changes, "explained", explained, by=RULE, log=log)
            self.out_of_hours(day, names)
            self.by_day(published + 4 * HOUR_MS, names[0], versions[names[0]])

    def by_day(self, at: int, name: str, version: str) -> None:
        """Somebody does not wait for the night: the version is its origin's, the hour is not the rule's."""
        path = package(name)
        machines = [
            m for m in self.watched(self.machines, at, 10 * HOUR_MS) if path in m.state and m.environment != "test"
        ]
        machines = [m for m in machines if (m.name, path) not in self.used]
        if not machines or self.random.random() < 0.5:
            return
        machine = self.random.choice(machines)
        cause = self.story.cause(f"{machine.name}: {name} {version} by day")
        log = Log(f"apt-get install {name}={version}", self.random.choice(PEOPLE))
        change = {path: lambda before: with_version(before, version)}
        why = "the origin is the rule's, the hour is not"
        self.act(at, machine.name, change, "unexplained", cause, why=why, log=log)
        self.decide(cause, "authorise")

    def out_of_hours(self, day: int, names: Sequence[str]) -> None:
        at = self.start + (day + 2) * DAY_MS + 15 * HOUR_MS
        machines = [
            m for m in self.watched(self.machines, at, 10 * HOUR_MS) if self.free([m], package(names[0]), take=False)
        ]
        machines = [m for m in machines if package(names[0]) in m.state]
        if not machines or at > self.end - DAY_MS:
            return
        machine, person = self.random.choice(machines), self.random.choice(PEOPLE)
        self.used.add((machine.name, package(names[0])))
        version = f"9.{self.next()}-1"
        cause = self.story.cause(f"{machine.name}: {names[0]} {version}, of no origin and out of hours")
        log = Log(f"apt-get install ./{names[0]}_{version}.deb", person)
        change = {package(names[0]): lambda before: with_version(before, version)}
        why = "neither hours nor origin are the rule's"
        self.act(at, machine.name, change, "unexplained", cause, why=why, log=log)
        self.decide(cause)

    # unplanned

    def by_hand(self) -> None:
        days = (self.end - self.start) / DAY_MS
        count = max(30, int(len(self.machines) * days / 75))
        kinds = (
            (self.hand_setting, 20), (self.hand_package, 24), (self.hand_removal, 6), (self.hand_user, 14),
            (self.hand_unit, 14), (self.hand_group, 6), (self.hand_file, 8), (self.flapping, 6),
        )  # fmt: skip
        for _ in range(count):
            (kind,) = self.random.choices([k for k, _ in kinds], [w for _, w in kinds])
            kind(self.random.randint(self.start + 30 * HOUR_MS, self.end - 30 * HOUR_MS))

    def some(self) -> list[Machine]:
        """Draw the hosts of one cause: mostly one, else some of a kind."""
        if self.random.random() < 0.65:
            return [self.random.choice(self.machines)]
        role = self.random.choice(self.machines).role
        same = [machine for machine in self.machines if machine.role == role]
        return self.random.sample(same, min(len(same), self.random.randint(2, 12)))

    def free(self, machines: Sequence[Machine], *paths: str, take: bool = True) -> bool:
        places = {(machine.name, path) for machine in machines for path in paths}
        if places & self.used:
            return False
        if take:
            self.used |= places
        return True

    def decide(self, cause: str, decision: str | None = None) -> None:
        random = self.random
        chosen = decision or random.choices(("authorise", "revert", "accept", None), (45, 25, 8, 22))[0]
        if chosen is not None:
            after = random.randint(2 * HOUR_MS, 40 * HOUR_MS)
            again = random.randint(HOUR_MS, 8 * HOUR_MS)
            self.story.decisions.append(Decision(cause, chosen, after, "operator", again))

    def hand(
        self, machines: Sequence[Machine], at: int, changes: Callable[[Machine], dict[str, Any]], what: str,
        log: Log | None = None,
    ) -> None:  # fmt: skip
        """The same change by hand on some hosts within hours: one cause."""
        more = f" and {len(machines) - 1} more" if len(machines) > 1 else ""
        cause = self.story.cause(f"{machines[0].name}{more}: {what}")
        for number, machine in enumerate(machines):
            when = at + (self.random.randint(0, 9 * HOUR_MS) if number else 0)
            self.act(when, machine.name, changes(machine), "unexplained", cause, why="by hand", log=log)
        self.decide(cause)

    def hand_setting(self, at: int) -> None:
        machines, name = self.some(), self.random.choice(sorted(SYSCTLS))
        if self.free(machines, sysctl(name)):
            value = {"value": str(self.random.randint(100_000, 9_999_999))}
            self.hand(machines, at, lambda _: {sysctl(name): value}, f"{name} set by hand")

    def hand_package(self, at: int) -> None:
        machines, name = self.some(), self.random.choice(EXTRAS)
        machines = [m for m in machines if package(name) not in m.state]
        helper = f"lib{name}1" if self.random.random() < 0.4 else None
        if not machines or not self.free(machines, package(name)):
            return
        version = f"1.{self.next()}-1"
        changes: dict[str, Any] = {package(name): with_version(None, version)}
        if helper is not None:
            changes[package(helper)] = with_version(None, version)
        log = None
        if self.random.random() < 0.7:
            automatic = frozenset({helper} if helper else ())
            log = Log(f"apt-get install {name}={version}", self.random.choice(PEOPLE), automatic)
        self.hand(machines, at, lambda _: changes, f"{name} installed", log)

    def hand_removal(self, at: int) -> None:
        machine = self.random.choice(self.machines)
        names = [n for n in EXTRAS if package(n) in machine.state]
        name = self.random.choice(names)
        if self.free([machine], package(name)):
            log = Log(f"apt-get purge -y {name} # {self.next()}", self.random.choice(PEOPLE))
            self.hand([machine], at, lambda _: {package(name): None}, f"{name} removed", log)

    def hand_user(self, at: int) -> None:
        machines, name = self.some(), f"user{self.next()}"
        uid = self.random.randint(1100, 4000)
        keys = {m.name: f"{self.random.getrandbits(32):08x}" for m in machines}
        with_password = self.random.random() < 0.5

        def changes(machine: Machine) -> dict[str, Any]:
            attributes: Attributes = {"uid": uid, "gid": uid, "home": f"/home/{name}", "shell": "/bin/bash"}
            if with_password:  # each host seals with a key of its own, so equal passwords look different
                seal = f"sealed:{keys[machine.name]}:{self.random.getrandbits(256):064x}"
                attributes |= {"password": seal, "password_status": "set"}
            return {f"accounts.users[{name}]": attributes, f"accounts.groups[{name}]": {"gid": uid}}

        self.hand(machines, at, changes, f"user {name} added")

    def hand_unit(self, at: int) -> None:
        machines = self.some()
        if self.random.random() < 0.5:
            name = f"job{self.next()}.service"
            attributes = {
                "enablement": "enabled",
                "path": f"/etc/systemd/system/{name}",
                "exec_start": (f"/opt/{name}",),
            }
            self.hand(machines, at, lambda _: {unit(name): attributes}, f"unit {name} added")
            return
        name = self.random.choice(UNITS)
        if self.free(machines, unit(name)):
            drop_in = f"/etc/systemd/system/{name}.d/{self.next()}.conf"
            self.hand(
                machines, at, lambda m: {unit(name): {**m.state[unit(name)], "drop_ins": (drop_in,)}}, f"{name} drop-in"
            )

    def hand_group(self, at: int) -> None:
        machines, path = self.some(), "accounts.groups[sudo]"
        if self.free(machines, path):
            members = tuple(sorted(("alice", "bob", f"guest{self.next()}")))
            self.hand(machines, at, lambda _: {path: {"gid": 27, "members": members}}, "sudo has another member")

    def hand_file(self, at: int) -> None:
        machines = self.some()
        name = self.random.choice(sorted(OWNED_FILES))
        path = file_at(name)
        machines = [m for m in machines if path in m.state]
        if machines and self.free(machines, path):
            new = digest(self.random)
            self.hand(machines, at, lambda m: {path: {**m.state[path], "digest": new}}, f"{name} edited")

    def foreign_version(self, at: int) -> None:
        """Somebody puts a version of no origin on a host; it is left alone by all waves after."""
        machine, name = self.random.choice(self.machines), self.random.choice(sorted(FLEET))
        path = package(name)
        if path in machine.state and self.free([machine], path):
            version = f"99.{self.next()}-local1"
            log = Log(f"dpkg -i {name}_{version}_amd64.deb", self.random.choice(PEOPLE))
            change = {path: lambda before: with_version(before, version)}
            self.hand([machine], at, lambda _: change, f"{name} {version}", log)

    def flapping(self, at: int) -> None:
        random, machine = self.random, self.random.choice(self.machines)
        name = random.choice(sorted(SYSCTLS))
        path = sysctl(name)
        if not self.free([machine], path):
            return
        cause = self.story.cause(f"{machine.name}: {name} flaps")
        value = {"value": str(random.randint(100_000, 9_999_999))}
        before = machine.state[path]
        for number in range(random.randint(2, 5) * 2):
            there = number % 2 == 0
            change: dict[str, Any] = {path: value if there else before}
            self.act(at, machine.name, change, "unexplained" if there else None, cause, why="flaps")
            at += random.randint(20 * MINUTE_MS, 150 * MINUTE_MS)


def hash_of(*parts: str) -> str:
    """Return a stable digest of names, for content that follows from them."""
    return sha256("\0".join(parts).encode()).hexdigest()
