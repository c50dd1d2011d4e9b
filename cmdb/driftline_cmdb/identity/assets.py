"""Assets: the pieces of hardware that a CI is, was or will be."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from driftline import facts
from driftline_baseline.identity import serial_key
from driftline_cmdb.identity import bindings
from driftline_cmdb.identity.aliases import aliases
from driftline_cmdb.tables.cis import Ci
from driftline_cmdb.tables.elements import Element, Holding, Path
from driftline_cmdb.tables.identity import Asset, IdentityClaim
from driftline_cmdb.tables.sources import Source

_SYSTEM = "hardware.system"


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a CI says of the machine that it is."""

    serial_number: str
    key: str
    manufacturer: str | None
    model: str | None


def present(session: Session, ci: Ci) -> Hardware | None:
    """Return the hardware that a CI reports; None where its serial number is not known, or is junk."""
    agents = [binding.source_id for binding in bindings.of_ci(session, ci.id)]
    return next(iter(of_sources(session, agents)), None)


def of_source(session: Session, source: Source) -> Hardware | None:
    """Return the hardware that a source reports, or else claims."""
    query = (
        select(Element.content)
        .join(Holding, col(Holding.element_id) == col(Element.id))
        .join(Path, col(Path.id) == col(Holding.path_id))
        .where(Holding.source_id == source.id, col(Holding.until_revision).is_(None), Path.text == _SYSTEM)
    )
    content = session.exec(query).first()
    system = facts.attributes(_SYSTEM, content) if content is not None else {}
    serial = str(system.get("serial_number") or source.claims.get("system_serial_number") or "")
    key = serial_key(serial)
    if key is None:
        return None
    return Hardware(serial, key, _text(system.get("manufacturer")), _text(system.get("product")))


def of_sources(session: Session, source_ids: Iterable[int]) -> list[Hardware]:
    """Return the hardware that some sources report, each once."""
    found = {}
    for source_id in source_ids:
        hardware = of_source(session, session.get_one(Source, source_id))
        if hardware is not None:
            found[hardware.key] = hardware
    return list(found.values())


def _text(value: object) -> str | None:
    return str(value) if value else None


def assets_of(session: Session, ci: Ci) -> list[Asset]:
    """Return the assets of a CI and of those that were merged into it, the newest first."""
    query = select(Asset).where(col(Asset.ci_id).in_(aliases(session, ci.id)), Asset.status != "withdrawn")
    return list(session.exec(query.order_by(col(Asset.id).desc())))


def holder_of(session: Session, key: str, except_ci: int) -> int | None:
    """Return the id of the other CI on record that claims a serial number."""
    query = select(IdentityClaim.ci_id).where(
        IdentityClaim.key == key, col(IdentityClaim.ci_id).is_not(None), IdentityClaim.ci_id != except_ci
    )
    return session.exec(query.limit(1)).first()


class Book:
    """Writes assets of one decision, and notes each change so that it can be undone."""

    def __init__(self, session: Session, now_ms: int, decision_id: int, rfc_id: int | None = None) -> None:
        """Begin with nothing changed."""
        self._session, self._now_ms, self._decision_id, self._rfc_id = session, now_ms, decision_id, rfc_id
        #: {"id": of the asset, "was": its status and end before; None where it was not there}
        self.changes: list[dict[str, Any]] = []

    def add(self, ci: Ci, hardware: Hardware, status: str) -> Asset:
        """Put a piece of hardware on record, or give the one that is there another status."""
        found = self._find(ci, hardware.key)
        if found is not None:
            self.set(found, status)
            return found
        asset = Asset(
            ci_id=ci.id,
            serial_number=hardware.serial_number,
            serial_key=hardware.key,
            manufacturer=hardware.manufacturer,
            model=hardware.model,
            status=status,
            since_ms=self._now_ms,
            until_ms=self._now_ms if status == "returned" else None,
            rfc_id=self._rfc_id,
            decision_id=self._decision_id,
        )
        self._session.add(asset)
        self._session.flush()
        self.changes.append({"id": asset.id, "was": None})
        return asset

    def set(self, asset: Asset, status: str) -> None:
        """Give an asset another status; what is returned is over."""
        self.changes.append({"id": asset.id, "was": {"status": asset.status, "until_ms": asset.until_ms}})
        asset.status = status
        asset.until_ms = self._now_ms if status == "returned" else None
        self._session.add(asset)
        self._session.flush()

    def _find(self, ci: Ci, key: str) -> Asset | None:
        query = select(Asset).where(Asset.ci_id == ci.id, Asset.serial_key == key, col(Asset.until_ms).is_(None))
        return self._session.exec(query).first()
