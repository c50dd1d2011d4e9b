"""Replays a history through the record and says how well unexplained changes were told from the others.

    python -m bench.histories.run history.jsonl.gz --database sqlite:////tmp/history.db

The truth is read from `history.truth.jsonl.gz` (or --truth), after the replay.
"""

import argparse
import json
import logging
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.histories import score
from bench.histories.format import HistoryError, read_header, read_truth, truth_path
from bench.histories.replay import Replay
from bench.histories.score import Score
from sqlalchemy import event

from driftline_cmdb.database import Database, migrate


@dataclass(frozen=True, slots=True)
class Result:
    """What a run gave."""

    score: Score
    #: Lines by kind.
    lines: dict[str, int]
    #: Decisions that could not be carried out, and why.
    not_done: dict[str, int]
    seconds: float


def run(history: Path, truth: Path, database: Database, *, talk: bool = False) -> Result:
    """Replay, then read the truth and compare.

    :param database: migrated and empty.
    """
    header = read_header(history)
    replay = Replay(database)
    began = time.monotonic()
    told = began

    def progress(at: int) -> None:
        nonlocal told
        if talk and time.monotonic() - told > 10:
            told = time.monotonic()
            done = (at - header.start) / (header.end - header.start)
            print(f"{done:4.0%} of the time replayed in {told - began:.0f} s", file=sys.stderr)

    replay.run(history, progress)
    seconds = time.monotonic() - began
    found = score.found(database, replay.names())
    result = score.score(read_truth(truth), found, score.raised(database))
    return Result(result, replay.counts, dict(replay.decisions.not_done), seconds)


def careless(database: Database) -> None:
    """Let SQLite skip waiting for the disk: nothing here has to survive a power cut, and nothing is timed."""

    @event.listens_for(database.engine, "connect")
    def on_connect(connection: Any, _entry: object) -> None:
        connection.execute("PRAGMA synchronous=OFF").close()


def plain(result: Result) -> dict[str, Any]:
    """Return a result as JSON takes it."""
    return {
        "precision": result.score.precision,
        "recall": result.score.recall,
        "rfcs_per_cause": result.score.rfcs_per_cause,
        "rfcs": result.score.rfcs,
        "causes": result.score.causes,
        "confusion": {f"{true} -> {found}": count for (true, found), count in sorted(result.score.confusion.items())},
        "wrong": [asdict(item) for item in result.score.wrong],
        "split": result.score.split,
        "mixed": result.score.mixed,
        "needless": result.score.needless,
        "not_done": result.not_done,
        "lines": result.lines,
        "seconds": round(result.seconds, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("history", type=Path)
    parser.add_argument("--truth", type=Path, help="by default beside the history")
    parser.add_argument("--database", required=True, help="URL of an empty database; its tables are made")
    parser.add_argument("--json", type=Path, help="write all of the result here too")
    arguments = parser.parse_args()
    logging.disable(logging.INFO)
    migrate(arguments.database)
    database = Database(arguments.database)
    if database.is_sqlite:
        careless(database)
    try:
        result = run(arguments.history, arguments.truth or truth_path(arguments.history), database, talk=True)
    except HistoryError as error:
        raise SystemExit(str(error)) from error
    finally:
        database.close()
    print(", ".join(f"{count:,} {kind}" for kind, count in result.lines.items()), f"in {result.seconds:.0f} s")
    print(score.table(result.score))
    for what, count in sorted(result.not_done.items()):
        print(f"\nnot done: {count} x {what}", end="")
    print()
    if arguments.json:
        arguments.json.write_text(json.dumps(plain(result), indent=1) + "\n")


if __name__ == "__main__":
    main()
