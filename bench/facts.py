"""From a section of 1,000 packages to keyed elements with digests, and to flat paths.

The floor is what protobuf itself needs to serialize each package once, in the same run. Aims: elements in under 5 ms,
flat paths in under 15 ms.
"""

import subprocess
import sys
import time
from collections.abc import Callable

from driftline import facts
from driftline.v1.facts_pb2 import Facts

PACKAGES, RUNS = 1_000, 15


def section() -> bytes:
    """Return a section: this host's packages where it has dpkg, repeated under other names up to the number."""
    form = "${Package}\t${Architecture}\t${Version}\t${source:Package}\t${Maintainer}\n"
    try:
        listed = subprocess.run(["dpkg-query", "-W", "-f", form], check=True, capture_output=True, text=True).stdout
    except FileNotFoundError:
        listed = ""
    installed = [line.split("\t") for line in listed.splitlines()] or [
        ["openssl", "amd64", "3.0.11-1~deb12u2", "openssl", "Debian OpenSSL Team"]
    ]
    out = Facts()
    for number in range(PACKAGES):
        name, architecture, version, source, vendor = installed[number % len(installed)]
        out.software.packages.add(
            manager="dpkg",
            name=name if number < len(installed) else f"{name}-{number}",
            architecture=architecture,
            version=version,
            source=source,
            vendor=vendor,
            size=number * 1024,
            installed_at=1_700_000_000 + number,
        )
    return out.SerializeToString()


def best(work: Callable[[], object]) -> float:
    """Return the best of some runs, ms; the best, because other work on the machine only adds."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times) * 1000


def main() -> int:
    """Measure and print."""
    content = section()
    parsed = facts.parse(content)
    assert len(facts.elements(parsed)) == PACKAGES
    floor = best(lambda: [package.SerializeToString() for package in parsed.software.packages])
    sys.stdout.write(f"{PACKAGES} packages, {len(content):,} bytes; best of {RUNS} runs\n")
    for label, work in (
        ("serialize each package (the floor)", lambda: [p.SerializeToString() for p in parsed.software.packages]),
        ("parse the section", lambda: facts.parse(content)),
        ("elements with digests", lambda: facts.elements(parsed)),
        ("flat paths", lambda: facts.flatten(parsed)),
        ("flat paths of what drifts", lambda: facts.flatten(parsed, facts.schema.DRIFTING)),
    ):
        took = best(work)
        sys.stdout.write(f"{label:<36} {took:7.2f} ms {took / floor:7.1f} x the floor\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
