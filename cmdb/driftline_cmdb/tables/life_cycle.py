"""What people decided on the life of CIs."""

from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import row_id, time_ms


class LifeDecision(SQLModel, table=True):
    """A CI was retired, reinstated or disposed of; the audit trail has it too."""

    id: int = row_id()
    ci_id: int = Field(foreign_key="ci.id", index=True)
    at_ms: int = time_ms()
    actor: str
    #: One of `driftline_baseline.life_cycle.DECISIONS`.
    decision: str
    reason: str
    #: The CI's status before and after.
    before: str
    after: str
