"""Replays a real history, 118 commits of one host's /etc, as file facts through the record.

    python bench/etc_history.py FOLDER        # cases as NNNN_xxxxxxxx/{before,after,truth.json}

Each case is a host of its own: what `before/` holds is reported, captured as its baseline and approved, then what
`after/` holds is reported. Modes are those of `truth.json` (a folder of files keeps none), closer ones and owners those
of `.etckeeper`, where it is in the case. Packages own files as a pinned list of Debian says, see data/README.md.
The subject of a commit is the answer: it is read after everything was judged.
"""

import gzip
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b, sha256
from pathlib import Path

from sqlmodel import col, select

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.histories.replay import facts_of  # the path above makes it known

from driftline.facts import digest_of
from driftline.paths import escape_key
from driftline.schema import Value
from driftline.v1 import collector_pb2
from driftline_baseline.compare import Difference
from driftline_baseline.ownership import FileChange, Made, Maker, part
from driftline_baseline.severity import severity_of
from driftline_baseline.values import decode
from driftline_cmdb import record
from driftline_cmdb.baselines import approval, capturing
from driftline_cmdb.database import Database, migrate
from driftline_cmdb.drift.assess import assess_due
from driftline_cmdb.reports import Committed, Ingest, Report, prepare_section
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.tables.rfcs import Rfc
from driftline_cmdb.tables.sources import Source

OWNERS = Path(__file__).with_name("data") / "debian-owners.tsv.gz"
MINUTE_MS = 60_000
START_MS = 1_420_000_000_000

Attributes = dict[str, Value]


@cache
def owners() -> Mapping[str, str]:
    """Return the package that ships each file, by its path on the host; the first by name where several do."""
    with gzip.open(OWNERS, "rt", encoding="utf-8") as file:
        pairs = (line.rstrip("\n").split("\t") for line in file)
        return {f"/{path}": packages.partition(",")[0] for path, packages in pairs}


def owner_of(path: str) -> str | None:
    """Return the package that owns a path on the host; /usr/lib is /lib."""
    return owners().get(path) or owners().get(path.removeprefix("/usr"))


@dataclass(frozen=True, slots=True)
class Case:
    """One commit."""

    name: str
    before: dict[str, Attributes]
    after: dict[str, Attributes]
    #: What truly changed: (status, path, mode after as git writes it); a rename is one gone and one come.
    changes: tuple[tuple[str, str, str], ...]
    #: The answer; nothing that judges may look at it.
    subject: str


def load(folder: Path) -> Case:
    """Read one case."""
    truth = json.loads((folder / "truth.json").read_text())
    modes_before = {change["path"]: change["mode_before"] for change in truth["changes"]}
    modes_after = {change["path_after"]: change["mode_after"] for change in truth["changes"]}
    changes: list[tuple[str, str, str]] = []
    for change in truth["changes"]:
        status = change["status"][0]
        if status == "R":
            changes += [("D", change["path"], "000000"), ("A", change["path_after"], change["mode_after"])]
        else:
            changes.append((status, change["path_after"], change["mode_after"]))
    return Case(
        folder.name,
        _files(folder / "before", modes_before),
        _files(folder / "after", modes_after),
        tuple(changes),
        truth["subject"],
    )


def _files(root: Path, modes: Mapping[str, str]) -> dict[str, Attributes]:
    """Return files' attributes by their path on the host."""
    known = _recorded(root / ".etckeeper")
    found: dict[str, Attributes] = {"/etc": {"type": "directory", "owner": "root", "group": "root", "mode": "0755"}}
    for path in sorted(root.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        name = path.relative_to(root).as_posix()
        mode = modes.get(name, "100644")
        content = path.readlink().as_posix().encode() if path.is_symlink() else path.read_bytes()
        attributes: Attributes = {}
        if mode == "120000":
            attributes = {"type": "link", "target": content.decode(errors="replace")}
        else:
            attributes = {"type": "file", "mode": f"0{mode[-3:]}", "digest": f"sha256:{sha256(content).hexdigest()}"}
            attributes |= known.get(name, {})
        package = owner_of(f"/etc/{name}")
        if package is not None:
            attributes["package"] = package
        found[f"/etc/{name}"] = attributes
    return found


_RECORD = re.compile(r"maybe (chmod|chown|chgrp) '?([^' ]+)'? '(.+)'$")


def _recorded(path: Path) -> dict[str, Attributes]:
    """Return the owners and modes that etckeeper recorded: a file without a chown or chgrp is root's."""
    found: dict[str, Attributes] = {}
    if path.exists():
        for line in path.read_text(errors="replace").splitlines():
            matched = _RECORD.match(line)
            if matched is not None:
                what, value, name = matched.groups()
                attributes = found.setdefault(name, {"owner": "root", "group": "root"})
                attributes[{"chmod": "mode", "chown": "owner", "chgrp": "group"}[what]] = value
    return found


@dataclass(frozen=True, slots=True)
class Found:
    """What the record and the judgement made of one case."""

    case: Case
    #: Drifts by path on the host.
    drifts: dict[str, list[Difference]]
    #: RFCs that driftline raised.
    rfcs: int
    parts: list[Made]
    #: Path -> why it is critical.
    critical: dict[str, str]

    @property
    def maker(self) -> Maker:
        """Who made the case as a whole: a hand, where any part is one's."""
        makers = {item.maker for item in self.parts}
        return next(maker for maker in (Maker.HAND, Maker.PACKAGE, Maker.AMBIGUOUS) if maker in makers)

    def missed(self) -> list[str]:
        """Return what truly changed and was not found as it did: paths with the mode or kind that is wrong."""
        wrong = []
        for status, name, mode in self.case.changes:
            path = f"/etc/{name}"
            kinds = {drift.kind for drift in self.drifts.get(path, [])}
            wanted = {"A": "unexpected", "D": "missing"}.get(status, "changed")
            if wanted not in kinds:
                wrong.append(f"{path}: {wanted}, found {', '.join(sorted(kinds)) or 'nothing'}")
            elif status == "A":
                wrong += [f"{path}: {item}" for item in self._not_as_is(path, mode)]
        return wrong

    def _not_as_is(self, path: str, mode: str) -> list[str]:
        """Return what of a new file's mode and owner was not found."""
        (drift,) = self.drifts[path]
        found, real = decode(drift.actual), self.case.after[path]
        if not isinstance(found, dict):
            return ["no attributes"]
        wrong = [f"{name} {found.get(name)}, is {real[name]}" for name in real if found.get(name) != real[name]]
        if mode == "120000":
            return wrong if found.get("type") == "link" else [*wrong, "is a link"]
        executable = bool(int(str(found.get("mode")), 8) & 0o100)
        return wrong if executable == (mode == "100755") else [*wrong, f"mode {found.get('mode')}, git has {mode}"]


class Replay:
    """Takes cases through one record."""

    def __init__(self, database: Database) -> None:
        """Start.

        :param database: migrated and empty.
        """
        self.database, self.ingest = database, Ingest(database)
        self.number = 0

    def run(self, case: Case) -> Found:
        """Report before, approve that, report after, and judge."""
        self.number += 1
        now = START_MS + self.number * 60 * MINUTE_MS
        with self.database.write() as session:
            source = Source(uid=f"source-{case.name}", hostname=case.name, enrolled_ms=now)
            session.add(source)
            session.flush()
            source_id = source.id
        token = self._report(source_id, case.name, 1, b"", case.before, now)
        with self.database.write() as session:
            ci = record.find_ci(session, case.name)
            capturing.capture(session, ci, case.name, "author", now)
            approval.approve(session, case.name, "approver", now)
            ci_id = ci.id
        self._assess(now)
        self._report(source_id, case.name, 2, token, case.after, now + MINUTE_MS)
        self._assess(now + MINUTE_MS)
        return self._found(case, ci_id)

    def _report(
        self, source_id: int, name: str, sequence: int, token: bytes, files: Mapping[str, Attributes], now: int
    ) -> bytes:
        elements = {f"files.files[{escape_key(path)}]": attributes for path, attributes in files.items()}
        content = facts_of(elements).SerializeToString(deterministic=True)
        section = collector_pb2.Section(
            name="files",
            outcome=collector_pb2.READ,
            content=content,
            digest=digest_of(content),
            observed_at_ms=now,
            revision=1,
        )
        report = Report(
            source_id=source_id,
            epoch=name,
            sequence=sequence,
            continuation=token,
            digest=blake2b(f"{name}/{sequence}".encode(), digest_size=16).digest(),
            received_ms=now,
            sent_ms=now,
            agent_version="0",
            claims=collector_pb2.HostClaims(hostname=name),
            sections=(prepare_section(section),),
        )
        (result,) = self.ingest.commit([report])
        if not isinstance(result, Committed):
            raise result
        return result.continuation

    def _assess(self, now: int) -> None:
        while assess_due(self.database, now):
            pass

    def _found(self, case: Case, ci_id: int) -> Found:
        with self.database.read() as session:
            rows = session.exec(select(Drift).where(Drift.ci_id == ci_id).order_by(col(Drift.id))).all()
            titles = session.exec(select(Rfc.id).where(Rfc.title.contains(case.name))).all()  # type: ignore[attr-defined]  # a column
        drifts: dict[str, list[Difference]] = {}
        for row in rows:
            path = _path_of(row.path)
            # A case has only the files that changed, so the record cannot look up whose a link's target is: it is
            # graded below by the same function, with the pinned list as the host's package database
            difference = Difference(row.path, row.kind, row.expected, row.actual, "warning", "")
            drifts.setdefault(path, []).append(difference)
        critical: dict[str, str] = {}
        changes = []
        for path, items in drifts.items():
            attributes = case.after.get(path)
            told = attributes or case.before.get(path) or {}
            for item in items:
                severity, why = severity_of(item, attributes, _package(told), owner_of)
                if severity == "critical":
                    critical[path] = why
            target = told.get("target")
            whole = any(item.kind != "changed" for item in items)
            changes.append(FileChange(path, whole, str(target) if target is not None else None))
        return Found(case, drifts, len(titles), part(changes, owner_of), critical)


def _package(attributes: Mapping[str, Value]) -> str | None:
    package = attributes.get("package")
    return str(package) if package is not None else None


def _path_of(path: str) -> str:
    inside = path[len("files.files[") :]
    return inside[: inside.index("]")].replace("\\/", "/").replace("\\\\", "\\")


def true_maker(subject: str) -> str:
    """Return what a commit's subject says of who made it (the corpus' README)."""
    if subject.startswith("committing changes in /etc after apt run"):
        return "package transaction"
    if subject.startswith("saving uncommitted changes in /etc prior to apt run"):
        return "found by etckeeper"
    return "by hand"


def cases(folder: Path) -> Iterator[Case]:
    """Yield the cases of a folder in their order."""
    for path in sorted(folder.iterdir()):
        if (path / "truth.json").exists():
            yield load(path)


def replay(folder: Path, progress: Callable[[Found], None] = lambda _: None) -> list[Found]:
    """Replay a folder's cases through a record of their own."""
    with tempfile.TemporaryDirectory() as name:
        url = f"sqlite:///{Path(name) / 'etc.db'}"
        migrate(url)
        database = Database(url)
        runner = Replay(database)
        results = []
        for case in cases(folder):
            results.append(runner.run(case))
            progress(results[-1])
        database.close()
    return results


def confusion(results: list[Found]) -> Counter[tuple[str, str]]:
    """Return (true maker, found maker) -> cases."""
    return Counter((true_maker(result.case.subject), str(result.maker)) for result in results)


def summary(results: list[Found]) -> str:
    """Return the result as text."""
    changes = sum(len(result.case.changes) for result in results)
    missed = {result.case.name: result.missed() for result in results if result.missed()}
    lines = [
        f"{len(results)} cases, {changes} changes; {sum(map(len, missed.values()))} not found as they are",
        *(f"  {name}: {item}" for name, items in missed.items() for item in items),
        f"RFCs: {sum(result.rfcs for result in results)} for {len(results)} cases; "
        f"{sum(result.rfcs != 1 for result in results)} cases have none or several",
        "",
        "who made it: rows are the truth, columns what ownership alone tells",
        " " * 22 + "".join(f"{maker:>12}" for maker in Maker),
    ]
    table = confusion(results)
    for true in ("package transaction", "found by etckeeper", "by hand"):
        lines.append(f"{true:<22}" + "".join(f"{table[true, str(maker)]:>12}" for maker in Maker))
    lines += ["", "critical:"]
    for result in results:
        if result.critical:
            why = next(iter(result.critical.values()))
            lines.append(f"  {result.case.name} {len(result.critical)} of {len(result.drifts)} files, as {why}")
    lines += ["", "package transactions that were not told as such:"]
    for result in results:
        if true_maker(result.case.subject) == "package transaction" and result.maker != Maker.PACKAGE:
            why = "; ".join(f"{item.maker}: {item.why}" for item in result.parts)
            lines.append(f"  {result.case.name}: {why}")
    lines += ["", "by hand, told as a package transaction:"]
    for result in results:
        if true_maker(result.case.subject) != "package transaction" and result.maker == Maker.PACKAGE:
            lines.append(f"  {result.case.name}: {'; '.join(item.why for item in result.parts)}")
    return "\n".join(lines)


def main() -> None:
    if len(sys.argv) != 2:
        print("etc_history.py needs the folder of the history; left out")
        return
    print(summary(replay(Path(sys.argv[1]))))


if __name__ == "__main__":
    main()
