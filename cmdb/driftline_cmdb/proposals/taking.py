"""Takes an unmanaged device on record: its CI, and where its agents may read it."""

from dataclasses import dataclass

from sqlmodel import Session

from driftline_cmdb import relations
from driftline_cmdb.devices import targets
from driftline_cmdb.devices.targets import Reading, Target
from driftline_cmdb.errors import Invalid
from driftline_cmdb.tables.proposals import Proposal

#: Seconds between two readings, where nobody says.
INTERVAL_S = 300
_SNMP_PORT = 161


@dataclass(frozen=True, slots=True)
class NewDevice:
    """What a person says of a device that is taken on record; what is None is as it was seen."""

    name: str | None = None
    ci_class: str = "network device"
    site: str | None = None
    address: str | None = None
    #: Name of the credential that agents read it with; empty where nothing reads it.
    credential: str | None = None
    interval_s: int = INTERVAL_S


def take(session: Session, proposal: Proposal, said: NewDevice, actor: str, now_ms: int) -> None:
    """Make the CI of a proposed device; where there is a credential for it, hand it out to the agents of its site.

    :raises Invalid: where it has no name, or a credential and no address or site.
    :raises Conflict: where the name, or the address at its site, is on record.
    """
    seen = proposal.evidence
    name = said.name or str(seen["name"]).partition(".")[0] or str(seen["address"]) or str(seen["mac"])
    if not name:
        raise Invalid(f"name: nothing tells the name of proposal {proposal.id}; give one")
    credential = str(seen["credential"]) if said.credential is None else said.credential
    site, address = said.site or str(seen["site"]), said.address or str(seen["address"])
    if credential and not address:
        raise Invalid(f"address: nothing tells the address of {name}; give one, or leave the credential empty")
    if credential and not site:
        raise Invalid(f"site: nothing tells whose agents reach {name}; give the site, or leave the credential empty")
    new = relations.NewCi(name=name, ci_class=said.ci_class, status="planned" if credential else "in production")
    ci = relations.create_ci(session, new, actor, now_ms)
    if credential:
        target = Target("snmp", address, _SNMP_PORT)
        targets.hand_out(session, site, target, Reading(said.interval_s, credential), ci, actor, now_ms)
