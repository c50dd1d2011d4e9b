"""What a CI's page and answer say of its identity: what it was merged into, what into it, its hardware."""

from datetime import datetime

from pydantic import BaseModel
from sqlmodel import Session, col, select

from driftline_cmdb.identity import assets
from driftline_cmdb.identity.aliases import aliases, survivor
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.identity import Asset
from driftline_cmdb.tables.rfcs import Rfc
from driftline_server.evidence import CiRef, ci_ref
from driftline_server.times import moment, moment_or_none


class AssetRow(BaseModel):
    """A piece of hardware that a CI is, was or will be."""

    serial_number: str
    manufacturer: str | None
    model: str | None
    #: expected, in use, returned.
    status: str
    since: datetime
    until: datetime | None
    rfc: int | None


class Identity(BaseModel):
    """How a CI stands to others that are, or were, the same machine."""

    #: The CI that stands for this one now; None where it stands for itself.
    merged_into: CiRef | None
    #: CIs that this one stands for.
    merged: list[CiRef]
    assets: list[AssetRow]


def identity_of(session: Session, ci: Ci) -> Identity:
    """Return how a CI stands to others that are the same machine."""
    others = [one for one in aliases(session, ci.id) if one != ci.id]
    merged = [ci_ref(one) for chunk in chunks(others) for one in session.exec(select(Ci).where(col(Ci.id).in_(chunk)))]
    return Identity(
        merged_into=ci_ref(survivor(session, ci)) if ci.merged_into_id is not None else None,
        merged=sorted(merged, key=lambda one: (one.name, one.uid)),
        assets=asset_rows(session, ci),
    )


def asset_rows(session: Session, ci: Ci) -> list[AssetRow]:
    """Return the hardware of a CI, the newest first."""
    found = assets.assets_of(session, ci)
    wanted = {asset.rfc_id for asset in found if asset.rfc_id is not None}
    numbers = dict(session.exec(select(Rfc.id, Rfc.number).where(col(Rfc.id).in_(wanted))).all()) if wanted else {}
    return [_asset(asset, numbers.get(asset.rfc_id or 0)) for asset in found]


def _asset(asset: Asset, rfc: int | None) -> AssetRow:
    return AssetRow(
        serial_number=asset.serial_number,
        manufacturer=asset.manufacturer,
        model=asset.model,
        status=asset.status,
        since=moment(asset.since_ms),
        until=moment_or_none(asset.until_ms),
        rfc=rfc,
    )
