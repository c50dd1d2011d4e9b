"""What the API takes about RFCs."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field
from sqlmodel import Session

from driftline_cmdb.choosing import chosen
from driftline_cmdb.rfcs.decisions import Waivers
from driftline_cmdb.rfcs.planning import Plan, Planned
from driftline_cmdb.standing import origins
from driftline_server.times import to_ms

Text = Annotated[str, Field(max_length=4000)]
Risk = Literal["low", "medium", "high"]
AVerdict = Annotated[
    Literal["unauthorised", "late paperwork", "false"] | None,
    Field(description="What the change turned out to be, where driftline raised the RFC."),
]


class Prediction(BaseModel):
    """What a planned change is to do at one path of one CI."""

    ci: str = Field(
        description="Name or uid; or several: a pattern of names (lb[1-6]), or conditions (environment=production)."
    )
    path: str = Field(
        description="An attribute, as software.packages[dpkg/openssl/amd64].version, or an element; with wild cards "
        "for a whole wave."
    )
    kind: Literal[
        "is", "one_of", "at_least", "at_most", "range", "matches", "contains", "present", "absent", "upgrade"
    ]  # fmt: skip
    operand: str | int | float | bool | list[str] | dict[str, Any] | None = Field(
        default=None, description="What stands beside the kind; for a new element all of its attributes."
    )
    origin: str | None = Field(default=None, description="The origin that must publish what comes.")


class NewRfc(BaseModel):
    """A planned change."""

    title: str = Field(min_length=1, max_length=200)
    predictions: list[Prediction] = Field(default=[], max_length=10_000, description="At least one, but for a draft.")
    start: AwareDatetime | None = Field(default=None, description="Of the planned window; null for any time.")
    end: AwareDatetime | None = Field(default=None, description="Of the planned window; null for any time.")
    kind: Literal["standard", "normal", "emergency"] = "normal"
    priority: Literal["low", "medium", "high"] = "medium"
    category: str = Field(default="configuration", max_length=200)
    reason: Text = ""
    description: Text = ""
    effect_of_not_doing: Text = ""
    risk: Text = ""
    risk_level: Risk = "medium"
    impact: Text = ""
    benefit: Text = ""
    cost: Text = ""
    implementer: str | None = Field(default=None, max_length=200)
    test_plan: Text = ""
    back_out_plan: Text = ""
    draft: bool = Field(default=False, description="Keep it as a draft of its requester, who submits it later.")
    external_system: str | None = Field(
        default=None,
        max_length=100,
        description="Another system that is its master. Sent again, it is brought up to date.",
    )
    external_id: str | None = Field(default=None, max_length=200, description="Its id in that system.")
    requester: str | None = Field(
        default=None,
        max_length=200,
        description="Who requested it in that system; the approval policy must name the account under `external`.",
    )

    def plan(self) -> Plan:
        """Return what is written."""
        left_out = {"predictions", "start", "end", "draft", "external_system", "external_id", "requester"}
        return Plan(
            **self.model_dump(exclude=left_out),
            planned_start_ms=to_ms(self.start) if self.start else None,
            planned_end_ms=to_ms(self.end) if self.end else None,
        )


class Edit(BaseModel):
    """What of a draft is changed; what is not sent stays."""

    title: str | None = Field(default=None, min_length=1, max_length=200)
    predictions: list[Prediction] | None = Field(default=None, max_length=10_000, description="All of them.")
    start: AwareDatetime | None = Field(default=None, description="Of the planned window; null for any time.")
    end: AwareDatetime | None = Field(default=None, description="Of the planned window; null for any time.")
    kind: Literal["standard", "normal", "emergency"] | None = None
    priority: Literal["low", "medium", "high"] | None = None
    category: str | None = Field(default=None, max_length=200)
    reason: Text | None = None
    description: Text | None = None
    effect_of_not_doing: Text | None = None
    risk: Text | None = None
    risk_level: Risk | None = None
    impact: Text | None = None
    benefit: Text | None = None
    cost: Text | None = None
    implementer: str | None = Field(default=None, max_length=200)
    test_plan: Text | None = None
    back_out_plan: Text | None = None

    def on(self, plan: Plan) -> Plan:
        """Return a plan with the changes."""
        sent = self.model_dump(exclude_unset=True, exclude={"predictions", "start", "end"})
        may_be_none = ("implementer",)
        changes = {name: value for name, value in sent.items() if value is not None or name in may_be_none}
        for name in ("start", "end"):
            if name in self.model_fields_set:
                when = getattr(self, name)
                changes[f"planned_{name}_ms"] = to_ms(when) if when else None
        return replace(plan, **changes)


class Exceptions(BaseModel):
    """What an approver knowingly passes over."""

    supersedes: int | None = Field(
        default=None, description="Number of an RFC whose open predictions on the same paths this one replaces."
    )
    despite_freeze: str | None = Field(
        default=None, max_length=4000, description="Why it is done although its CIs are frozen."
    )
    despite_conflicts: bool = Field(default=False, description="Other changes at the same time are known.")

    def waivers(self) -> Waivers:
        """Return them for the record."""
        return Waivers(self.supersedes, self.despite_freeze, self.despite_conflicts)


class Authorisation(Exceptions):
    """Authorises what was seen, and nothing else."""

    scope: str = Field(
        description="The `scope` of the RFC as it was shown. Refused with the difference where it changed."
    )
    comment: Text = ""
    on_behalf_of: str | None = Field(
        default=None,
        max_length=200,
        description="Who approved in the system that is its master; the policy must name the account under `external`.",
    )
    verdict: AVerdict = None


class Order(BaseModel):
    """A decision that needs no scope."""

    comment: Text = ""


class RevertOrder(Order):
    """An order to put back what was found changed."""

    verdict: AVerdict = None


class Rejection(BaseModel):
    """Why it is rejected."""

    comment: str = Field(min_length=1, max_length=4000)


class Assessment(BaseModel):
    """What was found out about risk and impact; what is null stays as it is written."""

    risk_level: Risk | None = None
    risk: Text | None = None
    impact: Text | None = None
    comment: Text = ""


class NewWindow(BaseModel):
    """A planned window."""

    start: AwareDatetime
    end: AwareDatetime | None = Field(default=None, description="Null: without end.")
    comment: Text = ""


class Review(BaseModel):
    """A post-implementation review."""

    outcome: Literal["successful", "successful with problems", "failed", "backed out"] = "successful"
    review: Text = ""


class Why(BaseModel):
    """Why it is done."""

    review: str = Field(min_length=1, max_length=4000)


class Split(BaseModel):
    """Which CIs get an RFC of their own."""

    cis: list[str] = Field(min_length=1, description="Names, uids, patterns of names, or conditions.")
    comment: Text = ""


class Emergency(BaseModel):
    """An emergency: what its declarer changes on these CIs until its end belongs to its RFC."""

    cis: list[str] = Field(min_length=1, description="Names, uids, patterns of names (lb[1-6]), or conditions.")
    lasts: str = Field(description="For how long, up to 24h: 2h, 90m.")
    incident: str = Field(min_length=1, max_length=200)
    accounts: list[str] = Field(
        default=[], max_length=20, description="Under which the declarer works on the hosts; by default the own name."
    )


class Recording(BaseModel):
    """A time in which a change was made on a test host."""

    since: AwareDatetime
    until: AwareDatetime | None = Field(default=None, description="Now by default.")


class NewComment(BaseModel):
    """What is to be said."""

    text: str = Field(min_length=1, max_length=4000)


class NewLink(BaseModel):
    """What it is to be linked to."""

    kind: Literal["url", "incident", "problem", "rfc"]
    target: str = Field(min_length=1, max_length=2000, description="An address, an id, or an RFC's number.")


def planned(session: Session, predictions: list[Prediction]) -> list[Planned]:
    """Return predictions with their CIs.

    :raises NotFound: no such CI.
    :raises Ambiguous: several CIs of that name.
    :raises Invalid: an origin of which nothing is known.
    """
    origins.require_known(session, [one.origin for one in predictions])
    cis = {name: chosen(session, [name]) for name in {one.ci for one in predictions}}
    return [
        Planned(
            ci, one.path, one.kind, tuple(one.operand) if isinstance(one.operand, list) else one.operand, one.origin
        )
        for one in predictions
        for ci in cis[one.ci]
    ]
