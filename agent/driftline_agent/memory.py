"""What a new reading means against what was known: is it to be reported, and since when did the old one hold?

Source: collector.proto (Section.previous_digest, Manifest).
"""

from hashlib import blake2b

from driftline.v1.collector_pb2 import UNREADABLE, Section
from driftline_agent.state import Known


def fingerprint(section: Section) -> str:
    """Return a digest over all that a section says besides times."""
    bare = Section()
    bare.CopyFrom(section)
    for name in ("content", "observed_at_ms", "previous_digest", "previous_observed_at_ms", "comparison"):
        bare.ClearField(name)
    return blake2b(bare.SerializeToString(deterministic=True), digest_size=16).hexdigest()


def remember(known: Known, section: Section, held_until_ms: int = 0) -> bool:
    """Take a reading into memory and complete the section by what held before; tell whether it has to be reported.

    An unreadable section moves neither the digest nor the time that it held.

    :param held_until_ms: host time until which the reading before is known to have held, because its sources were
        watched; 0 where they were not.
    """
    new = fingerprint(section)
    changed = new != known.fingerprint
    known.fingerprint = new
    known.attempted_at_ms = section.observed_at_ms
    known.unreadable = section.outcome == UNREADABLE
    if not known.unreadable:
        digest = section.digest.hex()
        if digest != known.digest:
            known.previous_digest = known.digest
            known.previous_observed_at_ms = max(known.observed_at_ms, min(held_until_ms, section.observed_at_ms))
        known.digest, known.observed_at_ms = digest, section.observed_at_ms
    section.previous_digest = bytes.fromhex(known.previous_digest)
    section.previous_observed_at_ms = known.previous_observed_at_ms
    return changed
