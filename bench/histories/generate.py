"""Writes a history of a fleet with its truth beside it.

    python -m bench.histories.generate --seed 7 --hosts 1000 --days 30 -o history.jsonl.gz

The truth goes into `history.truth.jsonl.gz`. The same arguments give the same bytes.
"""

import argparse
import json
from pathlib import Path
from random import Random
from typing import Any

from bench.histories.format import FORMAT, TRUTH_FORMAT, VERSION, open_text, truth_path
from bench.histories.story import Author
from bench.histories.world import DAY_MS, fleet
from bench.histories.writer import Writer

START_MS = 1_790_000_000_000 // DAY_MS * DAY_MS


def generate(path: Path, *, seed: int, hosts: int, days: int) -> None:
    """Write a history and its truth."""
    random = Random(seed)
    end = START_MS + days * DAY_MS
    machines = fleet(random, hosts, START_MS, end)
    story = Author(random, machines, START_MS, end).write()
    lines, truth = Writer(seed, machines, story, START_MS, end).write()
    header: dict[str, Any] = {"format": FORMAT, "version": VERSION, "seed": seed}
    header |= {"start": START_MS, "end": end, "generator": f"bench.histories.generate, {hosts} hosts, {days} days"}
    last = {"kind": "end", "at": end, "lines": len(lines) + 2}
    _write(path, [header, *lines, last])
    _write(truth_path(path), [{"format": TRUTH_FORMAT, "version": VERSION}, *truth])


def _write(path: Path, lines: list[dict[str, Any]]) -> None:
    with open_text(path, "w") as file:
        for line in lines:
            file.write(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--days", type=int, default=30, help="at least 4")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.days < 4 or arguments.hosts < 8:
        parser.error("a history needs at least 4 days and 8 hosts")
    generate(arguments.output, seed=arguments.seed, hosts=arguments.hosts, days=arguments.days)


if __name__ == "__main__":
    main()
