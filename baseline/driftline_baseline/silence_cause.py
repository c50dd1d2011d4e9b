"""Why a CI is silent, from what is on record of its last hours: host down, network, certificate, or agent.

Evidence is weighed in the order of what it proves. A call that was refused proves that the agent runs; what the agent
said at its end is its own word; what a neighbour saw after the last call tells a host that is down from an agent that
is; where nothing tells them apart, that is said too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from driftline_baseline.silence import Group, Heard, moment

HOST_DOWN, NETWORK, CERTIFICATE, AGENT = "host down", "network", "certificate", "agent"
#: Where nothing tells the two apart.
UNCLEAR = "host down or network"
CAUSES = (HOST_DOWN, NETWORK, CERTIFICATE, AGENT, UNCLEAR)

#: How sure a cause is: its own word or a refused call; what others saw or the times fit; not at all.
CERTAIN, LIKELY, UNKNOWN = "certain", "likely", "unknown"

#: Classes of CIs that others run on; of others that stand between, the network is what they are.
_MACHINES = ("server", "cluster")


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a host that is heard says of a silent one among its neighbours."""

    #: The host that says it.
    by: str
    address: str
    #: When it was read, corrected by skew.
    at_ms: int
    #: True: it had just answered. False: it was asked and gave no answer.
    answered: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is on record of one silent CI."""

    #: When it was last heard.
    seen_ms: int
    #: When a call of its was last refused, and why.
    refused_ms: int | None = None
    refused_reason: str = ""
    #: When its agent said that it stops, and why: the name of a LeaveReason.
    left_ms: int | None = None
    left_reason: str = ""
    #: When its last certificate was revoked, and by whom, where none is left that is not.
    revoked_ms: int | None = None
    revoked_by: str = ""
    #: When the newest of its certificates that are not revoked ends.
    certificate_until_ms: int | None = None
    sightings: Sequence[Sighting] = field(default_factory=tuple)
    #: Another source of the same CI that is heard, of another kind: "snmp sw1".
    heard_by: str = ""
    #: A device that its agent cannot read, by the agent's word: "does not answer SNMP since ..., agent col1 is well".
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something is silent."""

    #: One of CAUSES.
    kind: str
    #: certain, likely, unknown.
    sure: str
    #: For people: "its agent said at 10:02 that it stops".
    words: str

    def plain(self) -> dict[str, str]:
        """Return it as a finding's detail keeps it."""
        return {"kind": self.kind, "sure": self.sure, "words": self.words}

    def sentence(self) -> str:
        """Return it as a finding's message says it."""
        sure = "" if self.sure in (CERTAIN, UNKNOWN) else f"{self.sure} "
        return f"{sure}{self.kind}: {self.words}"


def cause_of(evidence: Evidence, after_ms: int) -> Cause:
    """Return why one CI is silent.

    :param after_ms: time without a call after which it counts as silent: what happened within it of the last call may
        be the cause, what happened later may follow from the silence.
    """
    own = _own_word(evidence, after_ms)
    if own is None and evidence.unread:
        return Cause(UNCLEAR, UNKNOWN, evidence.unread)
    return own or _seen_by_others(evidence) or _UNCLEAR


_UNCLEAR = Cause(UNCLEAR, UNKNOWN, "nothing tells them apart")


def _own_word(one: Evidence, after_ms: int) -> Cause | None:
    in_time = one.seen_ms + after_ms
    if one.refused_ms is not None and one.refused_ms >= one.seen_ms:
        # What refuses quotes what was presented; the message's own clauses are parted by semicolons.
        said = one.refused_reason.replace("; ", ", ")
        return Cause(CERTIFICATE, CERTAIN, f"it calls and is refused, last at {moment(one.refused_ms)}: {said}")
    if one.left_ms is not None and one.left_ms >= one.seen_ms:
        when = moment(one.left_ms)
        if one.left_reason == "HOST_SHUTS_DOWN":
            return Cause(HOST_DOWN, CERTAIN, f"it said at {when} that it shuts down")
        if one.left_reason == "HOST_REBOOTS":
            return Cause(HOST_DOWN, CERTAIN, f"it said at {when} that it reboots, and has not come back")
        return Cause(AGENT, CERTAIN, f"its agent said at {when} that it was told to stop")
    if one.revoked_ms is not None and one.revoked_ms <= in_time:
        by = f" by {one.revoked_by}" if one.revoked_by else ""
        return Cause(CERTIFICATE, CERTAIN, f"its certificate was revoked at {moment(one.revoked_ms)}{by}")
    if one.certificate_until_ms is not None and one.certificate_until_ms <= in_time:
        return Cause(
            CERTIFICATE, LIKELY, f"its certificate ended at {moment(one.certificate_until_ms)} and was not renewed"
        )
    return None


def _seen_by_others(one: Evidence) -> Cause | None:
    if one.heard_by:
        return Cause(AGENT, CERTAIN, f"{one.heard_by} still reports of it: it is up")
    latest = sorted((sight for sight in one.sightings if sight.at_ms > one.seen_ms), key=lambda sight: -sight.at_ms)
    answered = next((sight for sight in latest if sight.answered), None)
    if answered is not None:
        return Cause(AGENT, LIKELY, f"{answered.by} reached {answered.address} at {moment(answered.at_ms)}: it is up")
    if latest:
        sight = latest[0]
        words = f"{sight.by} asked for {sight.address} at {moment(sight.at_ms)} and got no answer"
        return Cause(HOST_DOWN, LIKELY, words)
    return None


def cause_of_group(group: Group, causes: Sequence[Cause], *, mostly_back: bool = False) -> Cause:
    """Return why several CIs fell silent together.

    :param causes: of those of its members that were looked at.
    :param mostly_back: more than half of those that it silenced are back: what they had in common is over.
    """
    if group.key.startswith("ci:"):
        return causes[0] if causes else _UNCLEAR
    for kind in (CERTIFICATE, HOST_DOWN, AGENT):
        alike = [one for one in causes if one.kind == kind]
        if len(alike) * 2 > len(causes):
            sure = CERTAIN if all(one.sure == CERTAIN for one in alike) else LIKELY
            counted = f"{len(alike)} of the {len(causes)} looked at, for one: " if len(causes) > 1 else ""
            return Cause(kind, sure, f"{counted}{alike[0].words}")
    if mostly_back:
        return _UNCLEAR
    through = group.ci
    if isinstance(through, Heard) and through in group.members and through.ci_class in _MACHINES:
        return Cause(HOST_DOWN, LIKELY, f"{through.name} fell silent together with what is behind it")
    if through is not None:
        return Cause(NETWORK, LIKELY, f"what is reached through {through.name} fell silent together")
    return Cause(NETWORK, LIKELY, f"{group.site or 'what has no location'} fell silent together, its link or its power")
