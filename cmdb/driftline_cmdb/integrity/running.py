"""Runs all checks, keeps what they found as findings, and counts what is accurate."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import select as sql_select
from sqlmodel import Session, col, func, select

from driftline_cmdb.attention import events
from driftline_cmdb.database import Database
from driftline_cmdb.integrity.checks import all_checks
from driftline_cmdb.integrity.look import GONE, Check, Deficiency, Limits, Look
from driftline_cmdb.integrity.results import MOST_FINDINGS, CheckResult, IdSet
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.cis import Ci, Finding
from driftline_cmdb.tables.elements import Element
from driftline_cmdb.tables.integrity import IntegrityRun

log = logging.getLogger(__name__)

KIND = "integrity"


class Stopped(Exception):
    """The process ends; the run is left as it is, and is failed by whoever looks next."""


@dataclass
class _Accuracy:
    """The CIs and elements that some deficiency names."""

    cis: IdSet
    elements: IdSet


def run(
    database: Database,
    run_id: int,
    clock: Callable[[], int],
    limits: Limits | None = None,
    rest: Callable[[], None] = lambda: None,
    checks: Mapping[str, Check] | None = None,
) -> list[CheckResult]:
    """Carry out a run that `asking.take` took; return its results, which are on record then.

    :param rest: called between reads; may sleep, or raise :class:`Stopped`.
    :param checks: all by default.
    """
    look = Look(database, clock(), limits or Limits(), rest)
    accuracy, results = _Accuracy(IdSet(), IdSet()), []
    for name, check in (checks if checks is not None else all_checks()).items():
        result = _check(look, name, check, accuracy)
        results.append(result)
        with database.write() as session:
            row = session.get_one(IntegrityRun, run_id)
            row.checks, row.alive_ms = [one.plain() for one in results], clock()
            session.add(row)
    cis, cis_accurate = _count_cis(look, accuracy.cis)
    with database.read() as session:
        elements = session.exec(select(func.count()).select_from(Element)).one()
    failed = [f"{result.name}: {result.error}" for result in results if result.error]
    with database.write() as session:
        row = session.get_one(IntegrityRun, run_id)
        row.state, row.ended_ms, row.error = ("failed" if failed else "done"), clock(), "; ".join(failed) or None
        if not failed:
            row.cis, row.cis_accurate = cis, cis_accurate
            row.elements, row.elements_accurate = elements, max(0, elements - len(accuracy.elements))
        session.add(row)
    return results


def _check(look: Look, name: str, check: Check, accuracy: _Accuracy) -> CheckResult:
    """Run one check. What it cannot do is its result: the others are run all the same."""
    started = time.monotonic()

    def took() -> int:
        return round((time.monotonic() - started) * 1000)

    examined = deficient = 0
    notes: list[str] = []
    try:
        with look.read() as session:
            if not check.applies(session):
                _settle(look, name, {}, {})
                return CheckResult(name, check.meaning, applied=False, took_ms=took())
            known = _open(session, name)
        seen, new = dict[int, str](), dict[str, Deficiency]()
        for batch in check.examine(look):
            examined += batch.examined
            notes += [batch.note] if batch.note else []
            for found in batch.deficiencies:
                deficient += found.count
                for ci_id in found.ci_ids:
                    accuracy.cis.add(ci_id)
                for element_id in found.element_ids:
                    accuracy.elements.add(element_id)
                key = _key(name, found.key)
                if key in known:
                    seen[known[key]] = found.message
                elif len(new) < MOST_FINDINGS:
                    new.setdefault(key, found)
        findings = _settle(look, name, new, seen)
    except Stopped:
        raise
    except Exception as error:
        # Boundary of one check: that it failed is its result.
        log.exception("integrity check failed", extra={"check": name})
        text = f"{type(error).__name__}: {error}"[:500]
        return CheckResult(name, check.meaning, True, examined, deficient, 0, took(), tuple(notes), text)
    return CheckResult(name, check.meaning, True, examined, deficient, findings, took(), tuple(notes))


def _key(name: str, key: str) -> str:
    return f"{KIND}:{name}:{key}"


def _open(session: Session, name: str) -> dict[str, int]:
    """Return the ids of a check's open findings by key."""
    query = select(Finding.key, Finding.id).where(
        Finding.kind == KIND,
        col(Finding.closed_ms).is_(None),
        col(Finding.key).startswith(_key(name, ""), autoescape=True),
    )
    return dict(session.exec(query).all())


def _settle(look: Look, name: str, new: Mapping[str, Deficiency], seen: Mapping[int, str]) -> int:
    """Close what was not seen any more, open what is new, as far as there is room; return how many are open."""
    with look.database.write() as session:
        known = _open(session, name)
        kept = 0
        for id_ in known.values():
            finding = session.get_one(Finding, id_)
            if id_ in seen:
                kept += 1
                finding.message = seen[id_]
            else:
                finding.closed_ms = look.now_ms
            session.add(finding)
        for key, found in list(new.items())[: max(0, MOST_FINDINGS - kept)]:
            kept += 1
            opened = Finding(
                kind=KIND,
                key=key,
                ci_id=found.ci_ids[0] if len(found.ci_ids) == 1 else None,
                message=found.message,
                detail={"check": name, "count": found.count},
                opened_ms=look.now_ms,
            )
            session.add(opened)
            session.flush()
            events.emit_finding(session, opened, look.now_ms)
        return kept


def _count_cis(look: Look, named: IdSet) -> tuple[int, int]:
    """Return how many CIs are there, and how many of them no deficiency names."""
    ci = table_of(Ci)
    total = accurate = 0
    for rows in look.parts(sql_select(ci.c.id).where(ci.c.status.not_in(GONE)), ci.c.id):
        total += len(rows)
        accurate += sum(row[0] not in named for row in rows)
    return total, accurate
