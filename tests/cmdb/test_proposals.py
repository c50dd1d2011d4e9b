"""Proposals: made of reports, decided by people, and never twice."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from sqlmodel import col, select

from driftline import facts
from driftline.v1 import collector_pb2
from driftline.v1.facts_pb2 import Facts
from driftline_cmdb import record, relations
from driftline_cmdb.database import Database
from driftline_cmdb.errors import Conflict, Invalid, NotFound, Refused
from driftline_cmdb.proposals import deciding, documents, periodic
from driftline_cmdb.reports import Committed, Ingest, Report, prepare_section
from driftline_cmdb.tables.audit import AuditEntry
from driftline_cmdb.tables.cis import Ci, Finding, Relation
from driftline_cmdb.tables.drift import Drift
from driftline_cmdb.tables.identity import IdentityClaim
from driftline_cmdb.tables.proposals import Look, Proposal, SeenLink
from driftline_cmdb.tables.sources import Source

NOW = 1_790_000_000_000
MINUTE, DAY = 60_000, 86_400_000


@dataclass
class Net:
    """A few hosts that report what they hold, wait at, and talk to."""

    database: Database
    now: int = NOW
    sources: dict[str, int] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, bytes] = field(default_factory=dict)

    def report(
        self,
        name: str,
        address: str | None = None,
        listens: Mapping[int, str] | None = None,
        peers: Sequence[str] | None = None,
        units: Sequence[str] | None = None,
        **claims: str,
    ) -> None:
        """Report some sections; peers as ``out 192.0.2.2:5432 app.service``."""
        found: dict[str, Facts] = {}
        if address is not None:
            found["interfaces"] = Facts()
            eth0 = found["interfaces"].network.interfaces.add(name="eth0", type="ethernet")
            eth0.addresses.add(address=f"{address}/24", scope="global")
        if listens is not None:
            found["sockets"] = Facts()
            for port, unit in sorted(listens.items()):
                found["sockets"].network.listening.add(protocol="tcp", address="0.0.0.0", port=port, unit=unit)
        if peers is not None:
            found["peers"] = Facts()
            for one in peers:
                direction, place, *unit = one.split()
                host, _, port = place.rpartition(":")
                peer = found["peers"].network.peers.add(direction=direction, protocol="tcp", address=host)
                peer.port, peer.unit = int(port), " ".join(unit)
        if units is not None:
            found["units"] = Facts()
            for unit in units:
                found["units"].services.units.add(name=unit, enablement="enabled", active_state="active")
        if name not in self.sources:
            with self.database.write() as session:
                source = Source(uid=f"source-{name}", hostname=name, enrolled_ms=self.now)
                session.add(source)
                session.flush()
                self.sources[name] = source.id
        sections = []
        for section, content in found.items():
            data = content.SerializeToString(deterministic=True)
            sections.append(
                collector_pb2.Section(
                    name=section,
                    outcome=collector_pb2.READ,
                    content=data,
                    digest=facts.digest_of(data),
                    observed_at_ms=self.now,
                )
            )
        self.sequences[name] = self.sequences.get(name, 0) + 1
        (result,) = Ingest(self.database).commit(
            [
                Report(
                    source_id=self.sources[name],
                    epoch="epoch",
                    sequence=self.sequences[name],
                    continuation=self.tokens.get(name, b""),
                    digest=os.urandom(16),
                    received_ms=self.now,
                    sent_ms=self.now,
                    agent_version="1",
                    claims=collector_pb2.HostClaims(hostname=name, **claims),
                    sections=tuple(prepare_section(section) for section in sections),
                )
            ]
        )
        assert isinstance(result, Committed), result
        self.tokens[name] = result.continuation

    def run(self, after_ms: int = MINUTE) -> int:
        """Let time pass and the job run."""
        self.now += after_ms
        return periodic.run(self.database, self.now)

    def shown(self, state: str | None = "open") -> list[str]:
        """Return the titles of the proposals."""
        with self.database.read() as session:
            query = select(Proposal.title).order_by(col(Proposal.title))
            return list(session.exec(query if state is None else query.where(Proposal.state == state)))

    def id(self, title: str) -> int:
        """Return the id of a proposal."""
        with self.database.read() as session:
            return session.exec(select(Proposal.id).where(Proposal.title == title)).one()

    def decide(self, what: str, title: str, actor: str = "olga", reason: str = "") -> None:
        """Have a person decide."""
        with self.database.write() as session:
            {"accept": deciding.accept, "reject": deciding.reject, "reopen": deciding.reopen}[what](
                session, self.id(title), actor, reason, self.now
            )

    def relations(self) -> list[str]:
        """Return the relations on record."""
        with self.database.read() as session:
            names = dict(session.exec(select(Ci.id, Ci.name)).all())
            rows = session.exec(select(Relation).where(col(Relation.until_ms).is_(None)))
            return sorted(f"{names[one.from_ci_id]} {one.kind} {names[one.to_ci_id]}" for one in rows)


@pytest.fixture
def net(database: Database) -> Net:
    """A database host, and a web host that talks to it."""
    net = Net(database)
    net.report("db1", "192.0.2.1", {5432: "postgresql@15-main.service", 22: "ssh.service"}, [])
    net.report("web1", "192.0.2.2", {}, ["out 192.0.2.1:5432 shop.service"])
    net.run()
    return net


def test_a_connection_is_a_proposal_with_its_evidence(net: Net) -> None:
    assert net.shown() == ["database postgresql on db1 on db1", "web1 depends on db1"]
    with net.database.read() as session:
        row = session.get_one(Proposal, net.id("web1 depends on db1"))
        assert row.material == ["tcp/5432"]
        assert row.evidence["by"] == "seen: tcp 192.0.2.1:5432 from web1 (shop.service)"
        (link,) = row.evidence["links"]
        assert (link["front_unit"], link["behind_unit"]) == ("shop.service", "postgresql@15-main.service")


def test_nothing_is_looked_at_twice(net: Net) -> None:
    assert net.run() == 0
    net.report("web1", peers=["out 192.0.2.1:5432 shop.service", "out 192.0.2.1:22"])
    assert net.run() == 1
    assert net.run(DAY + MINUTE) == 2, "once a day all are: labels and others' addresses change, too"


def test_accepting_is_a_change_of_the_record_and_a_persons(net: Net) -> None:
    net.decide("accept", "web1 depends on db1", reason="it is the shop's database")
    assert net.relations() == ["web1 depends on db1"]
    with net.database.read() as session:
        web1 = record.find_ci(session, "web1")
        (one,) = relations.relations_of(session, web1)
        assert one.relation.by == "seen: tcp 192.0.2.1:5432 from web1 (shop.service)"
        (fact,) = [f for f in record.facts_of(session, web1, ["record.relations[*]"]) if f.nature == "configuration"]
        assert fact.path.startswith("record.relations[depends on/")
        actions = {(a.actor, a.action) for a in session.exec(select(AuditEntry))}
        assert {("olga", "ci.related"), ("olga", "proposal.accepted")} <= actions
        assert session.exec(select(Drift)).all() == []
    net.run(DAY + MINUTE)
    assert "web1 depends on db1" not in net.shown()
    with pytest.raises(Conflict, match="is accepted, not open"):
        net.decide("accept", "web1 depends on db1")


def test_what_is_rejected_comes_again_only_when_it_rests_on_more(net: Net) -> None:
    with pytest.raises(Invalid, match="say why"):
        net.decide("reject", "web1 depends on db1")
    net.decide("reject", "web1 depends on db1", reason="a test")
    net.run(DAY + MINUTE)
    assert net.shown("rejected") == ["web1 depends on db1"]
    net.report("db1", listens={5432: "postgresql@15-main.service", 6379: "redis.service"})
    net.report("web1", peers=["out 192.0.2.1:6379 shop.service"])
    net.run()
    assert "web1 depends on db1" in net.shown()


def test_a_rejection_can_be_taken_back(net: Net) -> None:
    net.decide("reject", "web1 depends on db1", reason="a test")
    net.decide("reopen", "web1 depends on db1")
    assert "web1 depends on db1" in net.shown()
    with pytest.raises(Conflict, match="is open, not rejected"):
        net.decide("reopen", "web1 depends on db1")


def test_what_is_on_record_is_not_proposed(net: Net) -> None:
    net.report("web2", "192.0.2.3", {}, ["out 192.0.2.1:5432"])
    with net.database.write() as session:
        web2, db1 = record.find_ci(session, "web2"), record.find_ci(session, "db1")
        relations.relate(session, web2, "depends on", db1, relations.BY_A_PERSON, "olga", net.now)
    net.run()
    assert "web2 depends on db1" not in net.shown(None)


def test_a_relation_taken_off_the_record_is_not_proposed_again(net: Net) -> None:
    net.decide("accept", "web1 depends on db1")
    with net.database.write() as session:
        web1, db1 = record.find_ci(session, "web1"), record.find_ci(session, "db1")
        relations.unrelate(session, web1, "depends on", db1, "olga", net.now)
    net.run(DAY + MINUTE)
    assert net.shown("rejected") == ["web1 depends on db1"]


def test_an_address_that_two_hold_tells_nothing(net: Net) -> None:
    net.report("lb1", "192.0.2.9", {443: ""}, [])
    net.report("lb2", "192.0.2.9", {443: ""}, [])
    net.report("web1", peers=["out 192.0.2.9:443"])
    net.run()
    assert net.shown() == ["database postgresql on db1 on db1", "web1 depends on db1"]


def test_addresses_of_engines_and_links_tell_nothing(net: Net) -> None:
    for name, address in (("docker1", "172.17.0.1"), ("link1", "169.254.1.1"), ("nat1", "100.64.0.1")):
        net.report(name, address, {80: ""}, [])
        net.report("web1", peers=[f"out {address}:80"])
        net.run()
    assert [title for title in net.shown() if "web1" in title] == ["web1 depends on db1"]


def test_a_port_at_which_nobody_waits_is_none(net: Net) -> None:
    net.report("web2", "192.0.2.3", {}, ["out 192.0.2.1:9999"])
    net.run()
    assert not any("web2" in title for title in net.shown())


def test_one_that_is_connected_to_may_tell_alone(net: Net) -> None:
    net.report("app1", "192.0.2.4", {})
    net.report("db1", peers=["in 192.0.2.4:5432 postgresql@15-main.service"])
    net.run()
    assert "app1 depends on db1" in net.shown()


def test_a_service_takes_the_place_of_its_host(net: Net) -> None:
    net.decide("accept", "database postgresql on db1 on db1")
    assert net.relations() == ["postgresql on db1 runs on db1"]
    with net.database.read() as session:
        service = record.find_ci(session, "postgresql on db1")
        assert (service.ci_class, service.status) == ("database", "in production")
        (one,) = relations.relations_of(session, service)
        assert one.relation.by == (
            "seen: unit postgresql@15-main.service, listens on tcp/5432 on db1 (rule postgresql)"
        )
    net.run()
    assert net.shown() == ["web1 depends on postgresql on db1"]
    net.decide("accept", "web1 depends on postgresql on db1")
    assert net.relations()[-1] == "web1 depends on postgresql on db1"
    assert net.shown("lapsed") == ["web1 depends on db1"]


def test_members_of_a_service_do_not_depend_on_it(net: Net) -> None:
    rules = "services:\n  - {rule: pg, name: shop-db, class: database, when: {port: 5432}, owner: DBA}\n"
    with net.database.write() as session:
        documents.put(session, rules, "olga", "ours", net.now)
    net.report("db2", "192.0.2.5", {5432: "postgresql.service"}, ["out 192.0.2.1:5432 postgresql.service"])
    net.run()
    assert net.shown() == ["database shop-db on db1, db2", "db2 depends on db1", "web1 depends on db1"]
    net.decide("accept", "database shop-db on db1, db2")
    assert net.relations() == ["shop-db runs on db1", "shop-db runs on db2"]
    net.run()
    assert net.shown() == ["web1 depends on shop-db"]
    net.report("db3", "192.0.2.6", {5432: "postgresql.service"}, [])
    net.run()
    assert net.shown() == ["shop-db runs on db3", "web1 depends on shop-db"]
    net.decide("accept", "shop-db runs on db3")
    assert "shop-db runs on db3" in net.relations()
    with net.database.read() as session:
        assert record.find_ci(session, "shop-db").owner == "DBA"


def test_a_service_that_nobody_makes_any_more_lapses(net: Net) -> None:
    net.report("db1", listens={22: "ssh.service"}, units=["ssh.service"])
    net.run()
    assert "database postgresql on db1 on db1" in net.shown("lapsed")


def test_labels_make_services(net: Net) -> None:
    with net.database.write() as session:
        ci = record.find_ci(session, "web1")
        ci.labels = {"service": "shop", "team": "Web team"}
        session.add(ci)
    net.run(DAY + MINUTE)
    assert "service shop on web1" in net.shown()
    net.decide("accept", "service shop on web1")
    with net.database.read() as session:
        assert record.find_ci(session, "shop").owner == "Web team"


def everyone(net: Net, count: int, place: str = "192.0.2.1:5432") -> None:
    for number in range(count):
        net.report(f"host{number:02}", f"198.51.100.{number + 1}", {9100: "", 7070: ""}, [f"out {place}"])
    net.run()


def test_what_everyone_uses_is_one_proposal(net: Net) -> None:
    everyone(net, 12)
    assert [title for title in net.shown() if "depend" in title] == ["13 CIs depend on db1 tcp/5432 (everyone)"]
    net.decide("accept", "13 CIs depend on db1 tcp/5432 (everyone)")
    assert len(net.relations()) == 13 and "web1 depends on db1" in net.relations()
    net.run(DAY + MINUTE)
    assert [title for title in net.shown() if "depend" in title] == []
    net.report("late1", "198.51.100.99", {}, ["out 192.0.2.1:5432"])
    net.run()
    assert [title for title in net.shown() if "depend" in title] == ["14 CIs depend on db1 tcp/5432 (everyone)"]


def test_well_known_ports_are_everyones_from_the_start(net: Net) -> None:
    net.report("ns1", "192.0.2.53", {53: "named.service"}, [])
    net.report("web1", peers=["out 192.0.2.1:5432 shop.service", "out 192.0.2.53:53"])
    net.run()
    assert "1 CI depends on ns1 tcp/53 (DNS)" in net.shown()
    net.decide("reject", "1 CI depends on ns1 tcp/53 (DNS)", reason="it is a test")
    everyone(net, 3, "192.0.2.53:53")
    assert not any("DNS" in title for title in net.shown()), "another user is nothing new"


def test_who_asks_everyone_is_one_proposal(net: Net) -> None:
    everyone(net, 12)
    asked = [f"out 198.51.100.{number + 1}:{port}" for number in range(12) for port in (9100, 7070)]
    net.report("watch1", "192.0.2.77", {}, asked)
    net.run()
    mine = [title for title in net.shown() if "watch1" in title]
    assert mine == ["watch1 connects to 12 CIs (everyone)", "watch1 connects to 12 CIs (monitoring)"]


def test_what_is_ignored_is_not_proposed(net: Net) -> None:
    with net.database.write() as session:
        with pytest.raises(Invalid, match="name at least one"):
            deciding.ignore(session, "", "", "olga", "x", net.now)
        with pytest.raises(Invalid, match="no address or network"):
            deciding.ignore(session, "192.0.2.1/24", "", "olga", "x", net.now)
        with pytest.raises(Invalid, match="is not a port"):
            deciding.ignore(session, "", "http", "olga", "x", net.now)
        made = deciding.ignore(session, "192.0.2.0/28", "5432", "olga", "the backup's", net.now)
        assert (made.network, made.port) == ("192.0.2.0/28", "tcp/5432")
        with pytest.raises(Conflict, match="ignored already, by olga"):
            deciding.ignore(session, "192.0.2.0/28", "tcp/5432", "max", "x", net.now)
    assert net.shown("ignored") == ["web1 depends on db1"]
    net.run(DAY + MINUTE)
    assert net.shown() == ["database postgresql on db1 on db1"]
    with net.database.write() as session:
        deciding.stop_ignoring(session, made.id, "olga", "", net.now)
        with pytest.raises(NotFound):
            deciding.stop_ignoring(session, made.id, "olga", "", net.now)
    net.run()
    assert "web1 depends on db1" in net.shown()


def test_who_may_decide(net: Net) -> None:
    with net.database.write() as session:
        ci = record.find_ci(session, "web1")
        ci.owner, ci.responsible = "will", "rita"
        session.add(ci)
        session.flush()
        row = session.get_one(Proposal, net.id("web1 depends on db1"))
        for actor in ("will", "rita"):
            deciding.check_may_decide(session, row, actor, False)
        deciding.check_may_decide(session, row, "olga", True)
        with pytest.raises(Refused, match="the owner of web1"):
            deciding.check_may_decide(session, row, "vera", False)


def test_containers_run_on_the_host_whose_hardware_they_see(net: Net) -> None:
    uuid = "4C4C4544-0000-1111-2222-333344445555"
    with net.database.write() as session:
        db1 = record.find_ci(session, "db1")
        source = net.sources["db1"]
        session.add(IdentityClaim(source_id=source, ci_id=db1.id, kind="system_uuid", key=f"uuid:{uuid.lower()}"))
    net.report("box1", "192.0.2.8", {}, [], container="lxc", system_uuid=uuid)
    net.run()
    assert "box1 runs on db1" in net.shown()
    net.decide("accept", "box1 runs on db1")
    assert net.relations() == ["box1 runs on db1"]


def test_a_relation_that_is_not_seen_any_more_is_a_finding(net: Net) -> None:
    net.decide("accept", "web1 depends on db1")
    net.report("web1", peers=[])
    net.run()
    net.now += 29 * DAY
    net.report("web1", listens={80: ""})
    net.run()
    assert findings(net) == []
    net.now += 2 * DAY
    net.report("web1", listens={81: ""})
    net.run()
    (message,) = findings(net)
    assert message.startswith("web1 depends on db1: no such connection has been seen for 3")
    net.report("web1", peers=["out 192.0.2.1:5432"])
    net.run()
    net.run()
    assert findings(net) == []


def test_silence_is_no_end_of_a_relation(net: Net) -> None:
    net.decide("accept", "web1 depends on db1")
    for _ in range(40):
        net.run(DAY)
    assert findings(net) == []


def findings(net: Net) -> list[str]:
    with net.database.read() as session:
        query = select(Finding.message).where(Finding.kind == periodic.UNSEEN, col(Finding.closed_ms).is_(None))
        return list(session.exec(query))


def test_merged_and_retired_cis_are_forgotten(net: Net) -> None:
    with net.database.write() as session:
        ci = record.find_ci(session, "web1")
        ci.status = "retired"
        session.add(ci)
    net.run(DAY)
    with net.database.read() as session:
        assert session.exec(select(SeenLink)).all() == []
        assert session.get(Look, ci.id) is None
    assert "web1 depends on db1" not in net.shown()


def test_rules_have_versions(net: Net) -> None:
    with net.database.write() as session:
        with pytest.raises(Invalid, match=r"service rules:2:11: services\[0\]: has no name"):
            documents.put(
                session, "services:\n  - {rule: x, when: {port: 1}}\n".replace("- {", "-       {"), "o", "", NOW
            )
        first = documents.put(session, "services: []\n", "olga", "none", net.now)
        assert first.number == 1
        with pytest.raises(Conflict, match="v1 came since you read v0"):
            documents.put(session, "services: []\n", "max", "", net.now, after=0)
        assert documents.version(session, 0).author == "driftline"
        with pytest.raises(NotFound, match="no version 7"):
            documents.version(session, 7)
    net.run()
    assert "database postgresql on db1 on db1" in net.shown("lapsed"), "another version is a reason to look again"
