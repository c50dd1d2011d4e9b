"""Topology: the ports of CIs, what they see of each other, and the links that follow."""

from sqlmodel import Field, SQLModel

from driftline_cmdb.tables._columns import document, partial_index, row_id, time_ms, time_ms_or_none


class TopologyDue(SQLModel, table=True):
    """A CI whose links should be looked at; a row is written in the transaction that makes it due.

    There may be several of one CI: to write one must never wait for who takes another.
    """

    id: int = row_id()
    ci_id: int = Field(foreign_key="ci.id")
    #: Due from this time on.
    since_ms: int = time_ms(index=True)


class TopologyPort(SQLModel, table=True):
    """A port of a CI, as it was last looked at."""

    ci_id: int = Field(primary_key=True, foreign_key="ci.id")
    name: str = Field(primary_key=True)
    #: None where it is not known.
    up: bool | None = None
    #: Since when it is known to be so.
    since_ms: int = time_ms()
    #: No cable is put into it: a bond, a bridge, a VLAN.
    virtual: bool = False
    #: What others may call it: `driftline_baseline.topology.ends.Port.keys`.
    keys: list[str] = document(list)


class TopologyKey(SQLModel, table=True):
    """What a CI is known by at the other end of a cable: ``chassis:``, ``mac:``, ``address:``, ``name:``."""

    key: str = Field(primary_key=True)
    ci_id: int = Field(primary_key=True, foreign_key="ci.id", index=True)


class TopologySight(SQLModel, table=True):
    """A CI sees a device at a port; where it is no CI, this is an unknown end."""

    __table_args__ = (
        partial_index("topologysight_chassis", "chassis_key", where="far_ci_id IS NULL"),
        partial_index("topologysight_name", "name_key", where="far_ci_id IS NULL"),
        partial_index("topologysight_address", "address_key", where="far_ci_id IS NULL"),
    )

    id: int = row_id()
    ci_id: int = Field(foreign_key="ci.id", index=True)
    port: str
    #: What makes it the same one at this port: `driftline_baseline.topology.sights.Seen.key`.
    key: str
    far_ci_id: int | None = Field(default=None, foreign_key="ci.id", index=True)
    far_port: str = ""
    #: LLDP, CDPv2, LLDP and CDPv2, MAC.
    by: str
    since_ms: int = time_ms()
    #: When it was last read.
    seen_ms: int = time_ms()
    #: When it was first read that it is not there any more; None while it is.
    lost_ms: int | None = time_ms_or_none()
    #: As the device names itself.
    name: str = ""
    chassis_id: str = ""
    port_id: str = ""
    port_description: str = ""
    address: str = ""
    #: All that it may be known by, the surest first, and what another CI's arrival is compared with.
    keys: list[str] = document(list)
    chassis_key: str = ""
    name_key: str = ""
    address_key: str = ""


class TopologyLink(SQLModel, table=True):
    """A cable between two CIs while it was there. The CI in front holds it as a fact too, `record.links`."""

    __table_args__ = (
        partial_index(
            "topologylink_open",
            "front_ci_id",
            "front_port",
            "behind_ci_id",
            "behind_port",
            where="until_ms IS NULL",
            unique=True,
        ),
    )

    id: int = row_id()
    #: The CI with the lower id.
    front_ci_id: int = Field(foreign_key="ci.id", index=True)
    front_port: str
    behind_ci_id: int = Field(foreign_key="ci.id", index=True)
    behind_port: str
    #: How it is known; CIs stand as ``{id}``.
    by: str
    #: What another end says instead, where ends contradict each other; CIs as in `by`.
    instead: str = ""
    since_ms: int = time_ms()
    until_ms: int | None = time_ms_or_none()
