"""What people decide in a history, carried out on the record. The one place that knows which calls there are.

What the record cannot do yet is counted by name and said in the result, never left out silently.
"""

from collections import Counter
from datetime import date
from heapq import heappop, heappush

import yaml
from bench.histories.format import Authorise, BaselineLine, Catalogue, Decide, RequestLine, RuleLine
from sqlmodel import Session, col, select

from driftline_cmdb.baselines import approval, capturing
from driftline_cmdb.database import Database
from driftline_cmdb.drift import accepting, settling
from driftline_cmdb.errors import CmdbError
from driftline_cmdb.rfcs import backing_out, decisions, lifecycle, planning, reading
from driftline_cmdb.standing import origins, rules
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.drift import Drift, DriftGroup
from driftline_cmdb.tables.rfcs import Rfc

HOUR_MS = 3_600_000


class Decisions:
    """Carries out decisions; remembers what a history's names stand for in the record."""

    def __init__(self, database: Database) -> None:
        self.database = database
        #: CI ids by host name; filled by the replay.
        self.cis: dict[str, int] = {}
        self.numbers: dict[str, int] = {}
        #: When windows of planned RFCs end, and of which; the next one first.
        self._ends: list[tuple[int, int]] = []
        #: When the jobs at intervals run next.
        self._hourly = 0
        #: What could not be done, and why: name -> count.
        self.not_done: Counter[str] = Counter()

    def catalogue(self, line: Catalogue) -> None:
        with self.database.write() as session:
            origins.load(session, line.origin, [origins.Entry(*entry) for entry in line.entries], "bench", line.at)

    def baseline(self, line: BaselineLine) -> None:
        for host in line.hosts:
            with self.database.write() as session:
                capturing.capture(session, self._ci(session, host), f"captured {host}", line.author, line.at)
                approval.approve(session, f"captured {host}", line.approver, line.at)

    def rule(self, line: RuleLine) -> None:
        document = dict(line.rule)
        document["expires"] = date.fromisoformat(str(document["expires"]))
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
        with self.database.write() as session:
            rule = rules.draft(session, text, line.author, line.at)
            rules.approve(session, rule.name, line.approver, line.at)

    def request(self, line: RequestLine) -> None:
        """Submit a planned RFC."""
        with self.database.write() as session:
            planned = [
                planning.Planned(self._ci(session, host), item.path, item.kind, item.operand, item.origin)
                for item in line.predictions
                for host in item.hosts
            ]
            plan = planning.Plan(line.title, planned_start_ms=line.start, planned_end_ms=line.end)
            self.numbers[line.id] = planning.propose(session, plan, line.requester, planned, line.at).number
        heappush(self._ends, (line.end, self.numbers[line.id]))

    @property
    def next_job(self) -> int:
        """When something has to be done without anybody's asking."""
        return min(self._hourly, self._ends[0][0]) if self._ends else self._hourly

    def jobs(self, now_ms: int) -> None:
        """Do what a collector and a server do by the clock: windows end, acceptances and rules too."""
        while self._ends and self._ends[0][0] <= now_ms:
            heappop(self._ends)
            lifecycle.advance(self.database, now_ms)
        if self._hourly <= now_ms:
            self._hourly = now_ms + HOUR_MS
            accepting.end_acceptances(self.database, now_ms)
            rules.expire(self.database, now_ms)
            backing_out.verify_back_outs(self.database, now_ms)
            settling.close_standard_changes(self.database, now_ms)

    def authorise(self, line: Authorise) -> None:
        number = self.numbers[line.rfc]
        with self.database.write() as session:
            scope = reading.view(session, number).scope
            known = decisions.Waivers(despite_conflicts=True)
            decisions.authorise(session, number, line.by, scope, "", line.at, waivers=known)

    def decide(self, line: Decide) -> None:
        """Decide on the RFC that holds the open drift at a place."""
        with self.database.write() as session:
            query = select(Drift).where(Drift.ci_id == self.cis[line.host], Drift.path == line.path)
            drift = session.exec(query.order_by(col(Drift.id).desc())).first()
            if drift is not None and drift.state == "explained" and drift.group_id is not None:
                return  # another line about an RFC that is decided
            if drift is None or drift.group_id is None or drift.closed_ms is not None:
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


def _generic(message: str) -> str:
    return " ".join("N" if word.strip(":;,").isdigit() else word for word in message.split()[:12])
