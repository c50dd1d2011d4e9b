"""What the record made of a history beside the truth: confusion table, precision, recall, RFCs per cause."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.histories.format import CLASSES, TrueChange, Truth
from sqlmodel import select

from driftline_cmdb.database import Database
from driftline_cmdb.tables.drift import Drift, DriftGroup
from driftline_cmdb.tables.rfcs import Rfc

NOTHING = "nothing"
#: How the columns and rows of the confusion table are called, in order.
FOUND = ("unexplained", "explained", "consequential", NOTHING)
TRUE = (*CLASSES, "no change")


@dataclass(frozen=True, slots=True)
class Found:
    """One drift of the record."""

    host: str
    path: str
    after: str | None
    observed: int
    found_class: str
    #: Number of the RFC that driftline raised for it.
    rfc: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """A change whose class was not found, or a drift that is no change."""

    true_class: str
    found_class: str
    host: str
    path: str
    after: str | None
    cause: str
    true_why: str
    found_why: str


@dataclass
class Score:
    """The result."""

    #: (true class, found class) -> count of (host, path, change).
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[Wrong] = field(default_factory=list)
    #: Causes of unexplained changes, and the RFCs that driftline raised, all of them.
    causes: int = 0
    rfcs: int = 0
    #: What a cause was called -> the numbers of its RFCs, where it has another count than one.
    split: dict[str, list[int]] = field(default_factory=dict)
    #: RFC number -> what the causes in it are called, where it mixes several.
    mixed: dict[int, list[str]] = field(default_factory=dict)
    #: RFCs in which nothing is truly unexplained.
    needless: list[int] = field(default_factory=list)

    @property
    def precision(self) -> float:
        """Of what was called unexplained, the part that is."""
        called = sum(count for (_, found), count in self.confusion.items() if found == "unexplained")
        return self.confusion["unexplained", "unexplained"] / called if called else 1.0

    @property
    def recall(self) -> float:
        """Of what is unexplained, the part that was called so."""
        truly = sum(count for (true, _), count in self.confusion.items() if true == "unexplained")
        return self.confusion["unexplained", "unexplained"] / truly if truly else 1.0

    @property
    def rfcs_per_cause(self) -> float:
        """RFCs that driftline raised for each true cause of unexplained changes."""
        return self.rfcs / self.causes if self.causes else float(self.rfcs)


def found(database: Database, names: Mapping[int, str]) -> list[Found]:
    """Return the record's drifts, the oldest first.

    One that ever was in a group counts as unexplained, whatever was decided later.
    """
    with database.read() as session:
        rfcs = {group.id: group.rfc_id for group in session.exec(select(DriftGroup))}
        numbers = {rfc.id: rfc.number for rfc in session.exec(select(Rfc))}
        return [
            Found(
                names[drift.ci_id],
                drift.path,
                drift.actual,
                drift.observed_ms,
                _class(drift),
                numbers.get(rfcs.get(drift.group_id or 0) or 0),
                drift.why,
            )
            for drift in session.exec(select(Drift).order_by(Drift.observed_ms, Drift.id))  # type: ignore[arg-type]  # columns
        ]


def _class(drift: Drift) -> str:
    if drift.group_id is not None:
        return "unexplained"
    if drift.state != "explained":
        return NOTHING
    return "consequential" if drift.why.startswith("belongs to package") else "explained"


def raised(database: Database) -> int:
    """Return how many RFCs driftline raised."""
    with database.read() as session:
        return len(session.exec(select(Rfc.id).where(Rfc.origin == "driftline")).all())


def score(truth: Truth, drifts: Sequence[Found], rfcs: int) -> Score:
    """Compare."""
    result = Score(rfcs=rfcs)
    true_by_key: dict[tuple[str, str, str | None], list[TrueChange]] = defaultdict(list)
    for change in sorted(truth.changes, key=lambda change: change.observed):
        same = true_by_key[change.host, change.path, change.after]
        if not any(earlier.cause == change.cause for earlier in same):  # flapping is one change
            same.append(change)
    found_by_key: dict[tuple[str, str, str | None], list[Found]] = defaultdict(list)
    for drift in drifts:
        found_by_key[drift.host, drift.path, drift.after].append(drift)
    rfcs_of: dict[str, set[int]] = defaultdict(set)
    causes_of: dict[int, set[str]] = defaultdict(set)
    unexplained = {change.cause for change in truth.changes if change.true_class == "unexplained"}
    for key in sorted(true_by_key.keys() | found_by_key.keys(), key=str):
        for change, drift in _pairs(true_by_key[key], found_by_key[key]):
            true_class = change.true_class if change is not None else "no change"
            found_class = drift.found_class if drift is not None else NOTHING
            result.confusion[true_class, found_class] += 1
            if (true_class == "unexplained") != (found_class == "unexplained"):
                result.wrong.append(_wrong(truth, key, change, drift, true_class, found_class))
            if drift is not None and drift.rfc is not None:
                cause = change.cause if change is not None else ""
                causes_of[drift.rfc].add(cause)
                if change is not None and true_class == "unexplained":
                    rfcs_of[cause].add(drift.rfc)
    result.causes = len(unexplained)
    for cause in sorted(unexplained):
        if len(rfcs_of[cause]) != 1:
            result.split[f"{cause}: {truth.causes[cause].what}"] = sorted(rfcs_of[cause])
    for number, causes in sorted(causes_of.items()):
        if not causes & unexplained:
            result.needless.append(number)
        if len(causes) > 1:
            result.mixed[number] = [f"{c}: {truth.causes[c].what}" if c else "no change" for c in sorted(causes)]
    return result


def _pairs(true: Sequence[TrueChange], drifts: Sequence[Found]) -> Iterable[tuple[TrueChange | None, Found | None]]:
    """Pair the changes and drifts of one place and value in their order; what is left over is not another change."""
    for index in range(max(len(true), min(len(drifts), 1 if not true else len(true)))):
        yield (true[index] if index < len(true) else None), (drifts[index] if index < len(drifts) else None)


def _wrong(
    truth: Truth, key: tuple[str, str, str | None], change: TrueChange | None, drift: Found | None, true_class: str,
    found_class: str,
) -> Wrong:  # fmt: skip
    what = f"{change.cause}: {truth.causes[change.cause].what}" if change is not None else ""
    return Wrong(
        true_class, found_class, *key, what, change.why if change is not None else "", drift.why if drift else ""
    )


def table(result: Score) -> str:
    """Return the result as text."""
    width = max(map(len, TRUE)) + 2
    lines = ["", "(host, path, change): rows are the truth, columns what was found", ""]
    lines.append(" " * width + "".join(f"{name:>15}" for name in FOUND))
    for true in TRUE:
        counts = [result.confusion[true, name] for name in FOUND]
        if any(counts):
            lines.append(f"{true:<{width}}" + "".join(f"{count:>15,}" for count in counts))
    lines += [
        "",
        f"unexplained: precision {result.precision:.4f}, recall {result.recall:.4f}",
        f"RFCs per cause: {result.rfcs_per_cause:.3f} ({result.rfcs} RFCs raised, {result.causes} true causes, "
        f"{len(result.split)} causes with none or several, {len(result.mixed)} RFCs that mix causes, "
        f"{len(result.needless)} with nothing unexplained in them)",
    ]
    by_kind: dict[tuple[str, str], list[Wrong]] = defaultdict(list)
    for item in result.wrong:
        by_kind[item.true_class, item.found_class].append(item)
    for (true, name), items in sorted(by_kind.items(), key=lambda pair: -len(pair[1])):
        lines += ["", f"{len(items):,} are {true}, found as {name}:"]
        for item in items[:5]:
            why = "; ".join(part for part in (item.cause, item.true_why, f"record: {item.found_why}") if part)
            lines.append(f"  {item.host} {item.path} = {(item.after or 'absent')[:60]}  ({why})")
    for title, entries in (
        ("causes with none or several RFCs", [f"{name}: {numbers}" for name, numbers in result.split.items()]),
        ("RFCs that mix causes", [f"RFC {number}: {'; '.join(names)}" for number, names in result.mixed.items()]),
    ):
        if entries:
            lines += ["", f"{title}:", *(f"  {entry[:220]}" for entry in entries[:10])]
    return "\n".join(lines)
