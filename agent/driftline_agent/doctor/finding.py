"""What the doctor says of one thing."""

from dataclasses import dataclass

GOOD, NOTE, BAD = "good", "note", "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    #: GOOD; NOTE, where the agent works and reports less or later than it could; BAD, where it does not work.
    level: str
    #: What was looked at: certificate, collector, topic dpkg.
    subject: str
    #: How it is.
    says: str
    #: What to do about it; empty where it is good.
    mend: str = ""
