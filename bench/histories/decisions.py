"""What people decide in a history, carried out on the record. The one place that knows which calls there are.

What the record cannot do yet is counted by name and said in the result, never left out silently.
"""

from collections import Counter
from collections.abc import Iterable

from sqlmodel import Session, col, select

from bench.histories.format import (
    Authorise,
    BaselineLine,
    Catalogue,
    Decide,
    Prediction,
    RequestLine,
    RuleLine,
)
from driftline import paths
from driftline_baseline import predict
from driftline_baseline.errors import VersionError
from driftline_cmdb.baselines import approval, capturing
from driftline_cmdb.database import Database
from driftline_cmdb.drift import accepting
from driftline_cmdb.errors import CmdbError
from driftline_cmdb.rfcs import decisions, planning, reading
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift, DriftGroup
from driftline_cmdb.tables.rfcs import Rfc

Held = dict[str, dict[str, dict[str, object]]]


class Decisions:
    """Carries out decisions; remembers what a history's names stand for in the record."""

    def __init__(self, database: Database) -> None:
        self.database = database
        #: CI ids by host name; filled by the replay.
        self.cis: dict[str, int] = {}
        self.numbers: dict[str, int] = {}
        #: origin -> package path -> versions that it published, oldest first
        self.published: dict[str, dict[str, list[str]]] = {}
        #: What could not be done, and why: name -> count.
        self.not_done: Counter[str] = Counter()

    def catalogue(self, line: Catalogue) -> None:
        known = self.published.setdefault(line.origin, {})
        for manager, name, architecture, version in line.entries:
            inside = "/".join(paths.escape_key(key) for key in (manager, name, architecture))
            known.setdefault(f"software.packages[{inside}]", []).append(version)

    def baseline(self, line: BaselineLine) -> None:
        for host in line.hosts:
            with self.database.write() as session:
                capturing.capture(session, self._ci(session, host), f"captured {host}", line.author, line.at)
                approval.approve(session, f"captured {host}", line.approver, line.at)

    def rule(self, line: RuleLine) -> None:
        self.not_done[f"standing rule {line.rule['name']}: not supported yet"] += 1

    def request(self, line: RequestLine, held: Held) -> None:
        """Submit a planned RFC.

        :param held: what each host holds now, by host and element path.
        """
        with self.database.write() as session:
            planned = [item for prediction in line.predictions for item in self._planned(session, prediction, held)]
            if not planned:
                self.not_done["planned RFC that predicts nothing on any host"] += 1
                return
            plan = planning.Plan(line.title, planned_start_ms=line.start, planned_end_ms=line.end)
            self.numbers[line.id] = planning.propose(session, plan, line.requester, planned, line.at).number

    def _planned(self, session: Session, item: Prediction, held: Held) -> Iterable[planning.Planned]:
        """Spell a prediction out as one for each place, as long as patterns are not supported."""
        for host in item.hosts:
            ci = self._ci(session, host)
            if "*" not in item.path and item.origin is None:
                element = item.path if item.path.endswith("]") else item.path[: item.path.rindex(".")]
                if item.kind in ("present", "absent") or element in held[host]:
                    yield planning.Planned(ci, item.path, item.kind, item.operand)
                continue
            known = self.published.get(item.origin or "", {})
            if item.kind == "present":
                for path in known:
                    if paths.matches(item.path, path) and path not in held[host]:
                        yield planning.Planned(ci, path, "present")
                continue
            for path, versions in known.items():
                now = held[host].get(path, {}).get("version")
                newer = [version for version in versions if isinstance(now, str) and _is_newer(path, version, now)]
                if newer and paths.matches(item.path, f"{path}.version"):
                    yield planning.Planned(ci, f"{path}.version", "one_of", tuple(newer))

    def authorise(self, line: Authorise) -> None:
        number = self.numbers.get(line.rfc)
        if number is None:
            self.not_done["authorisation of an RFC that was not submitted"] += 1
            return
        with self.database.write() as session:
            decisions.authorise(session, number, line.by, reading.view(session, number).scope, "", line.at)

    def decide(self, line: Decide) -> None:
        """Decide on the RFC that holds the open drift at a place."""
        with self.database.write() as session:
            query = select(Drift).where(
                Drift.ci_id == self.cis[line.host], Drift.path == line.path, col(Drift.closed_ms).is_(None)
            )
            drift = session.exec(query).first()
            if drift is None or drift.group_id is None:
                self.not_done[f"{line.decision}: there is no open drift at the place"] += 1
                return
            rfc = session.get_one(Rfc, session.get_one(DriftGroup, drift.group_id).rfc_id)
            number, decided = rfc.number, rfc.closed_ms is not None or rfc.ordered is not None
            drift_id, open_still = drift.id, drift.state == "open"
        if line.decision == "accept":
            if not open_still:
                return
        elif decided or rfc.state not in ("draft", "submitted", "assessed"):
            return  # another line about the same RFC
        try:
            with self.database.write() as session:
                if line.decision == "accept":
                    accepting.accept(session, drift_id, line.by, "as the history says", line.until or line.at, line.at)
                elif line.decision == "revert":
                    decisions.order_revert(session, number, line.by, "", line.at)
                else:
                    scope = reading.view(session, number).scope
                    decisions.authorise(session, number, line.by, scope, "", line.at)
        except CmdbError as error:
            self.not_done[f"{line.decision}: {type(error).__name__}: {_generic(str(error))}"] += 1

    def _ci(self, session: Session, host: str) -> Ci:
        return session.get_one(Ci, self.cis[host])


def _is_newer(path: str, version: str, than: str) -> bool:
    ecosystem = predict.ecosystem_of(path)
    try:
        return bool(predict.version(version, ecosystem) > predict.version(than, ecosystem))
    except VersionError:
        return False


def _generic(message: str) -> str:
    return " ".join("N" if word.strip(":;,").isdigit() else word for word in message.split()[:12])
