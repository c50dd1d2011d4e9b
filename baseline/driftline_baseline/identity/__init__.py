"""Evidence of which machine a source speaks for: normal forms, junk, weights. Pure; the data is in YAML.

What a host claims is weighed, never believed: a match is a question for a person.
"""

from driftline_baseline.identity.kinds import KINDS, THRESHOLD, Kind
from driftline_baseline.identity.normal import Evidence, junk_of, keys_of, serial_key
from driftline_baseline.identity.weigh import Context, Match, Piece, context_of, hardware_changed, weigh

__all__ = [
    "KINDS",
    "THRESHOLD",
    "Context",
    "Evidence",
    "Kind",
    "Match",
    "Piece",
    "context_of",
    "hardware_changed",
    "junk_of",
    "keys_of",
    "serial_key",
    "weigh",
]
