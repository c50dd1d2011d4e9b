"""The agent against a collector: enrolment, check-in, retry, lost replies, new epochs, healing."""

from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from tests.agent.fake_collector import Authority, FakeCollector

from driftline.facts import path_digest
from driftline.v1.collector_pb2 import HostClaims
from driftline_agent import inventory
from driftline_agent import state as states
from driftline_agent.agent import Agent
from driftline_agent.config import Config
from driftline_agent.errors import IdentityError, RefusedError, UnreachableError
from driftline_agent.host import Host
from driftline_agent.identity import enrolment, store
from driftline_agent.identity.store import Identity
from driftline_agent.identity.token import parse_token
from driftline_agent.topic import Reading
from driftline_agent.topics import dpkg

TOPICS = ("release", "kernel", "groups")


def tree(root: Path) -> Path:
    """Write a small host."""
    for path, text in {
        "etc/os-release": 'ID=debian\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\n',
        "etc/debian_version": "12.5\n",
        "etc/group": "root:x:0:\n",
        "proc/sys/kernel/ostype": "Linux\n",
        "proc/cmdline": "quiet ro\n",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if not (root / path).exists():
            (root / path).write_text(text)
    return root


def enrolled(collector: FakeCollector, folder: Path) -> Identity:
    token = parse_token(collector.token)
    return enrolment.enroll(folder, collector.enrol_address, token, HostClaims(hostname="web1"))


def agent(collector: FakeCollector, tmp_path: Path) -> Agent:
    """Return an agent, enrolled, that is not started: the tests turn its crank."""
    state = tmp_path / "state"
    state.mkdir(exist_ok=True)
    identity = store.load(state) or enrolled(collector, state)
    config = Config(state=state, topics=TOPICS, watch=False)
    return Agent(config, identity, Host(str(tree(tmp_path / "root"))))


def test_enrolment_stores_a_private_identity(collector: FakeCollector, tmp_path: Path) -> None:
    identity = enrolled(collector, tmp_path)
    assert identity.source_id == collector.source
    assert store.load(tmp_path) == identity
    assert (tmp_path / "identity.json").stat().st_mode & 0o777 == 0o600
    assert collector.named("Enroll")[0].claims.hostname == "web1"
    assert identity.report_address.startswith("127.0.0.1:")


def test_another_root_is_not_trusted_and_hears_no_secret(collector: FakeCollector, tmp_path: Path) -> None:
    token = parse_token(f"dl1.7.{collector.secret}.{Authority().fingerprint}")
    with pytest.raises(IdentityError, match="no certificate with the fingerprint"):
        enrolment.enroll(tmp_path, collector.enrol_address, token, HostClaims())
    assert collector.calls == []
    assert store.load(tmp_path) is None


def test_a_used_token_is_refused_with_the_collectors_words(collector: FakeCollector, tmp_path: Path) -> None:
    token = parse_token(f"dl1.7.other.{collector.authority.fingerprint}")
    with pytest.raises(RefusedError, match="join token is unknown, used up or expired"):
        enrolment.enroll(tmp_path, collector.enrol_address, token, HostClaims())


def test_nothing_listens(tmp_path: Path) -> None:
    token = parse_token(f"dl1.7.other.{'0' * 64}")
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:1: no TLS connection"):
        enrolment.enroll(tmp_path, "127.0.0.1:1", token, HostClaims())


def test_first_report_brings_everything_and_steady_state_is_one_call(collector: FakeCollector, tmp_path: Path) -> None:
    running = agent(collector, tmp_path)
    running.sampler.sample()
    running.read()
    running.check_in()
    assert set(collector.applied) == set(TOPICS)
    assert collector.batches[0].batch.series
    assert [name for name, _ in collector.calls] == ["Enroll", "Announce", "Submit", "SubmitUtilization"]
    running.read()
    running.check_in()
    assert [name for name, _ in collector.calls][4:] == ["SubmitUtilization"]
    assert running.reporter.spool.entries() == []


def test_a_change_is_one_section_and_tells_when_the_old_one_held(collector: FakeCollector, tmp_path: Path) -> None:
    running = agent(collector, tmp_path)
    running.read()
    running.check_in()
    before = collector.applied["groups"]
    (tmp_path / "root/etc/group").write_text("root:x:0:\nstaff:x:50:alice\n")
    running.changed({"groups"})
    submitted = collector.named("Submit")[-1]
    assert [section.name for section in submitted.sections] == ["groups"]
    assert submitted.sections[0].previous_digest == before.digest
    assert submitted.sections[0].previous_observed_at_ms == before.observed_at_ms


def test_an_upgrade_tells_which_input_changed(collector: FakeCollector, tmp_path: Path) -> None:
    status = tree(tmp_path / "root") / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    paragraph = "Package: {}\nStatus: {} ok installed\nArchitecture: amd64\nVersion: 1\nPriority: {}\n"
    texts = {name: paragraph.format(name, "install", "optional") for name in ("apt", "bash", "joe", "sl")}
    status.write_text("\n".join(texts.values()))

    def upgraded(revision: int) -> Agent:
        out = agent(collector, tmp_path)
        out._topics = {"dpkg": replace(dpkg.TOPIC, revision=revision)}
        return out

    first = upgraded(dpkg.TOPIC.revision)
    first.read()
    first.check_in()
    before = collector.applied["dpkg"]
    assert not before.HasField("comparison")
    del texts["joe"]
    texts["bash"] = texts["bash"].replace("Version: 1", "Version: 2")
    texts["sl"] = texts["sl"].replace("optional", "extra")  # in the input and in no fact
    status.write_text("\n".join(texts.values()))
    second = upgraded(dpkg.TOPIC.revision + 1)
    second.read()
    second.check_in()
    told = collector.applied["dpkg"].comparison
    changed = {path_digest(f"software.packages[dpkg/{name}/amd64]") for name in ("bash", "joe", "sl")}
    assert (told.revision, told.digest, set(told.changed)) == (dpkg.TOPIC.revision, before.digest, changed)
    texts["apt"] = texts["apt"].replace("install ok", "hold ok")
    status.write_text("\n".join(texts.values()))
    second.read()
    second.check_in()
    since = collector.applied["dpkg"].comparison
    assert since.digest == before.digest
    assert set(since.changed) == changed | {path_digest("software.packages[dpkg/apt/amd64]")}


def test_a_restart_reports_nothing_new_and_knows_since_when(collector: FakeCollector, tmp_path: Path) -> None:
    first = agent(collector, tmp_path)
    first.read()
    first.check_in()
    before = collector.applied["groups"]
    count = len(collector.named("Submit"))
    second = agent(collector, tmp_path)
    second.read()
    second.check_in()
    assert len(collector.named("Submit")) == count
    (tmp_path / "root/etc/group").write_text("root:x:0:\nstaff:x:50:\n")
    third = agent(collector, tmp_path)
    third.read()
    third.check_in()
    assert collector.applied["groups"].previous_digest == before.digest
    assert collector.applied["groups"].previous_observed_at_ms >= before.observed_at_ms


def test_a_lost_reply_is_repeated_byte_by_byte_even_by_a_new_process(collector: FakeCollector, tmp_path: Path) -> None:
    first = agent(collector, tmp_path)
    collector.lost_replies.append("Submit")
    first.read()
    first.check_in()
    second = agent(collector, tmp_path)
    second.check_in()
    one, two = collector.named("Submit")
    assert one.SerializeToString() == two.SerializeToString()
    assert second.reporter.spool.entries() == []
    assert set(collector.applied) == set(TOPICS)


def test_what_failed_waits_in_order(collector: FakeCollector, tmp_path: Path) -> None:
    running = agent(collector, tmp_path)
    running.read()
    running.check_in()
    collector.failures += [("Submit", grpc.StatusCode.UNAVAILABLE)] * 2
    for members in ("alice", "alice,bob"):
        (tmp_path / "root/etc/group").write_text(f"root:x:0:{members}\n")
        running.read(["groups"])
        running.check_in()
    assert len(running.reporter.spool.entries()) >= 2
    running.check_in()
    assert running.reporter.spool.entries() == []
    assert b"bob" in collector.applied["groups"].content
    sequences = [request.stamp.sequence for name, request in collector.calls if name.startswith("Submit")]
    assert sequences == sorted(sequences)


def test_a_rolled_back_agent_starts_a_new_epoch_and_shows_its_manifest(
    collector: FakeCollector, tmp_path: Path
) -> None:
    running = agent(collector, tmp_path)
    running.read()
    running.check_in()
    old = (tmp_path / "state/state.json").read_bytes()
    running.check_in()
    (tmp_path / "state/state.json").write_bytes(old)
    rolled_back = agent(collector, tmp_path)
    epoch = rolled_back.reporter.state.epoch
    rolled_back.check_in()
    assert rolled_back.reporter.state.epoch != epoch
    announced = collector.named("Announce")[-1]
    assert {section.name for section in announced.manifest.sections} == set(TOPICS)
    assert rolled_back.reporter.spool.entries() == []


def test_a_rejected_report_keeps_nothing_back(collector: FakeCollector, tmp_path: Path) -> None:
    running = agent(collector, tmp_path)
    collector.failures.append(("Submit", grpc.StatusCode.INVALID_ARGUMENT))
    running.read()
    running.check_in()
    assert set(collector.applied) == set(TOPICS)  # the announcement had asked for them: read and sent again
    assert collector.named("Submit")[-1].dropped.reports == 1
    assert running.reporter.spool.dropped.reports == 0


def test_an_expired_certificate_heals_through_the_enrol_port(collector: FakeCollector, tmp_path: Path) -> None:
    collector.life = (-7200, -3600)
    running = agent(collector, tmp_path)
    running.read()
    running.check_in()
    assert set(collector.applied) == set(TOPICS)
    assert len(collector.named("Renew")) == 1
    stored = store.load(tmp_path / "state")
    assert stored is not None and not stored.expired()


def test_two_thirds_of_its_life_renew_a_certificate(collector: FakeCollector, tmp_path: Path) -> None:
    collector.life = (-3600, 600)
    running = agent(collector, tmp_path)
    running.check_in()
    running.check_in()
    assert len(collector.named("Renew")) == 1


def test_a_renewal_that_fails_in_time_does_not_keep_reports_back(collector: FakeCollector, tmp_path: Path) -> None:
    collector.life = (-3600, 600)
    collector.failures.append(("Renew", grpc.StatusCode.UNAVAILABLE))
    running = agent(collector, tmp_path)
    running.read()
    running.check_in()
    assert set(collector.applied) == set(TOPICS)


def test_the_collector_asks_for_a_topic_and_gets_it(collector: FakeCollector, tmp_path: Path) -> None:
    running = agent(collector, tmp_path)
    running.read()
    running.check_in()
    collector.collect_once.extend(["kernel", "not-configured"])
    running.check_in()
    assert [section.name for section in collector.named("Submit")[-1].sections] == ["kernel"]


def test_an_unreadable_section_is_reported_and_the_manifest_says_so(collector: FakeCollector, tmp_path: Path) -> None:
    running = agent(collector, tmp_path)
    running.read()
    running.check_in()
    (tmp_path / "root/etc/os-release").unlink()
    (tmp_path / "root/etc/debian_version").unlink()
    running.changed({"release"})
    section = collector.named("Submit")[-1].sections[0]
    assert section.reason.startswith("/etc/os-release: neither") and not section.content
    running.check_in()
    manifest = {entry.name: entry.digest for entry in collector.batches[-1].manifest.sections}
    assert manifest["release"] == b"" and manifest["groups"]


def test_large_inventories_go_in_several_requests(collector: FakeCollector, tmp_path: Path) -> None:
    running = agent(collector, tmp_path)
    running.read()
    for number, section in enumerate(list(collector.applied.values())):
        section.name = str(number)
    lines = "".join(f"g{number:06}:x:{number}:{'m' * 200}\n" for number in range(12000))
    (tmp_path / "root/etc/group").write_text(lines)
    (tmp_path / "root/proc/cmdline").write_text("x" * 60 + " " + "y" * 2_000_000)
    running.read()
    running.check_in()
    sizes = [request.ByteSize() for request in collector.named("Submit")]
    assert len(sizes) >= 2 and max(sizes) < 4 << 20
    assert len(collector.applied["groups"].content) > 2_000_000


def test_a_damaged_state_starts_anew(collector: FakeCollector, tmp_path: Path) -> None:
    running = agent(collector, tmp_path)
    running.read()
    running.check_in()
    (tmp_path / "state/state.json").write_text('{"epoch": 3')
    again = agent(collector, tmp_path)
    assert again.reporter.state.epoch != running.reporter.state.epoch
    again.read()
    again.check_in()
    assert again.reporter.spool.entries() == []


def test_sequence_is_on_disk_before_a_report_is_sent(collector: FakeCollector, tmp_path: Path) -> None:
    running = agent(collector, tmp_path)
    collector.failures.append(("Submit", grpc.StatusCode.UNAVAILABLE))
    running.read()
    running.check_in()
    names = sorted(path.name for path in (tmp_path / "state/spool").iterdir())
    assert names[0] == "000000000001.sections.1"
    assert states.load(tmp_path / "state").sequence == 0


def test_identity_life() -> None:
    identity = Identity("s", b"", b"", b"", "h:1", "h:2", not_before=0, not_after=900)
    assert not identity.due(599) and identity.due(601)
    assert not identity.expired(880) and identity.expired(895)
    assert replace(identity, not_after=10).expired(895)


def test_a_full_disk_forgets_nothing(collector: FakeCollector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running = agent(collector, tmp_path)
    running.read()
    running.check_in()
    (tmp_path / "root/etc/group").write_text("root:x:0:\nlate:x:7:\n")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(running.reporter.spool, "put", full)
        running.changed({"groups"})
    assert b"late" not in collector.applied["groups"].content
    running.changed({"groups"})
    assert b"late" in collector.applied["groups"].content


def test_failures_in_a_row_try_the_enrol_port(collector: FakeCollector, tmp_path: Path) -> None:
    running = agent(collector, tmp_path)
    collector.failures += [("Announce", grpc.StatusCode.UNAUTHENTICATED)] * 5
    for _ in range(6):
        running.check_in()
    assert len(collector.named("Renew")) == 1
    assert running.reporter.spool.entries() == []


def test_packages_wait_for_dpkg_and_come_when_it_is_done(
    collector: FakeCollector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    identity = enrolled(collector, state)
    running = Agent(Config(state=state, topics=("dpkg", "kernel"), watch=False), identity)
    at_work = [True]
    monkeypatch.setattr(dpkg, "busy", lambda _: at_work[0])
    running.read()
    running.check_in()
    assert set(collector.applied) == {"kernel"}
    running.read_busy()
    assert "dpkg" not in collector.applied
    at_work[0] = False
    running.read_busy()
    assert set(collector.applied) == {"kernel", "dpkg"}


@pytest.mark.parametrize("unwatched", [False, True])
def test_what_no_watcher_sees_may_have_changed_at_any_time(
    unwatched: bool, collector: FakeCollector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    running = Agent(Config(state=state, topics=("groups",), watch=False), enrolled(collector, state))
    running.changed({"groups"})
    known = running.reporter.state.sections["groups"]
    known.observed_at_ms -= 3_600_000
    first = known.observed_at_ms
    reading = Reading(unwatched=unwatched)
    reading.facts.accounts.groups.add(name="another")
    topic = replace(running._topics["groups"], collect=lambda _: reading)
    monkeypatch.setitem(running._topics, "groups", topic)
    running.noticed({"groups": inventory.milliseconds() - 1000})
    held_until = running.reporter.state.sections["groups"].previous_observed_at_ms
    assert held_until == first if unwatched else held_until > first + 3_000_000


def test_nothing_is_reported_while_dpkg_holds_its_lock(
    collector: FakeCollector, tmp_path: Path, locked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    running = Agent(Config(state=state, topics=("dpkg", "users"), watch=False), enrolled(collector, state))
    with monkeypatch.context() as patch:
        patch.setattr(dpkg, "LOCKS", (str(locked),))
        running.noticed({"users": 1, "dpkg": 1})
        assert set(collector.applied) == {"users"}  # what was never read before is better known than not
        collector.applied.clear()
        running.reporter.state.sections["users"].fingerprint = "changed since"
        running.noticed({"users": 1})
        assert collector.applied == {}
    running.read_busy()
    assert set(collector.applied) == {"users", "dpkg"}
