"""Texts of files on their way: offered once, sent where wanted, at once with a change, never a closed file's."""

import hashlib
from dataclasses import replace
from pathlib import Path

import grpc
from tests.agent.fake_collector import FakeCollector
from tests.agent.test_reporting import enrolled

from driftline.v1 import collector_pb2 as wire
from driftline_agent import texts as sending
from driftline_agent.agent import Agent
from driftline_agent.config import Config
from driftline_agent.host import Host
from driftline_agent.identity import store


def agent(collector: FakeCollector, tmp_path: Path, **settings: object) -> Agent:
    state = tmp_path / "state"
    state.mkdir(exist_ok=True)
    identity = store.load(state) or enrolled(collector, state)
    config = replace(Config(state=state, topics=("files",), watch=False), **settings)  # type: ignore[arg-type]
    return Agent(config, identity, Host(str(tmp_path / "root"), settings=config.settings))


def write(tmp_path: Path, name: str, text: str, mode: int = 0o644) -> str:
    path = tmp_path / "root/etc" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    path.parent.chmod(0o755)
    return hashlib.sha256(text.encode()).hexdigest()


def check_in(one: Agent) -> None:
    one.read()
    one.check_in(utilization=False)


def sent(collector: FakeCollector) -> dict[str, wire.FileText]:
    return {text.digest: text for request in collector.named("OfferTexts") for text in request.texts}


def test_texts_are_sent_once_and_without_secrets(collector: FakeCollector, tmp_path: Path) -> None:
    plain = write(tmp_path, "motd", "welcome\n")
    secret = write(tmp_path, "app.conf", "password = hunter-2\nport = 1\n")
    one = agent(collector, tmp_path)
    check_in(one)
    found = sent(collector)
    assert found[plain].text == "welcome\n" and not found[plain].redacted
    assert found[secret].redacted and "hunter" not in found[secret].text and "port = 1" in found[secret].text
    calls = len(collector.named("OfferTexts"))
    check_in(one)
    check_in(agent(collector, tmp_path))  # after a restart
    assert len(collector.named("OfferTexts")) == calls


def test_what_the_collector_has_is_offered_and_not_sent(collector: FakeCollector, tmp_path: Path) -> None:
    plain = write(tmp_path, "motd", "welcome\n")
    collector.texts[plain] = wire.FileText(digest=plain)
    check_in(agent(collector, tmp_path))
    assert sent(collector) == {} and collector.named("OfferTexts")[0].offered == [plain]


def test_a_change_takes_its_text_along(collector: FakeCollector, tmp_path: Path) -> None:
    write(tmp_path, "motd", "one\n")
    one = agent(collector, tmp_path)
    check_in(one)
    second = write(tmp_path, "motd", "two\n")
    one.read()
    third = write(tmp_path, "motd", "three\n")  # before anything could be sent
    one.read()
    one.check_in(utilization=False)
    texts = {text.digest: text.text for request in collector.named("Submit") for text in request.texts}
    assert texts[second] == "two\n" and texts[third] == "three\n"


def test_closed_and_secret_files_say_why(collector: FakeCollector, tmp_path: Path) -> None:
    write(tmp_path, "closed.conf", "a = 1\n", 0o600)
    write(tmp_path, "server.key", "x\n")
    write(tmp_path, "big", "x" * 70000)
    sudoers = write(tmp_path, "sudoers", "root ALL=(ALL:ALL) ALL\n", 0o440)
    check_in(agent(collector, tmp_path))
    found = sent(collector)
    reasons = sorted(text.withheld for text in found.values() if text.withheld)
    assert reasons == [
        "it is closed to other users",
        "it is larger than 65536 bytes",
        "its name says that it is a secret",
    ]
    assert found[sudoers].text.startswith("root ALL")
    assert all(text.digest.startswith("sealed:") for text in found.values() if "closed" in text.withheld)


def test_closed_files_that_the_configuration_names_have_a_text(collector: FakeCollector, tmp_path: Path) -> None:
    write(tmp_path, "app/closed.conf", "token = abc-def-1\nport = 1\n", 0o600)
    write(tmp_path, "app/x.key", "k\n", 0o600)
    check_in(agent(collector, tmp_path, files_text_closed=("/etc/app",)))
    by_text = sorted(text.text.partition("=")[0] or text.withheld for text in sent(collector).values())
    assert by_text == ["its name says that it is a secret", "token "]


def test_nothing_is_told_where_the_setting_says_so(collector: FakeCollector, tmp_path: Path) -> None:
    write(tmp_path, "motd", "welcome\n")
    one = agent(collector, tmp_path, files_text_bytes=0)
    check_in(one)
    write(tmp_path, "motd", "other\n")
    check_in(one)
    assert collector.named("OfferTexts") == []
    assert not any(request.texts for request in collector.named("Submit"))


def test_an_older_collector_is_left_alone(collector: FakeCollector, tmp_path: Path) -> None:
    write(tmp_path, "motd", "welcome\n")
    collector.failures.append(("OfferTexts", grpc.StatusCode.UNIMPLEMENTED))
    one = agent(collector, tmp_path)
    check_in(one)
    check_in(one)
    assert len(collector.named("OfferTexts")) == 1
    assert len(collector.named("Submit")) == 1  # the inventory is not hurt


def test_one_check_in_sends_so_much_and_the_next_the_rest(collector: FakeCollector, tmp_path: Path) -> None:
    for number in range(200):
        write(tmp_path, f"d/{number}.conf", f"number = {number}\n")
    one = agent(collector, tmp_path)
    check_in(one)
    assert len(sent(collector)) == sending._READ
    for _ in range(5):
        check_in(one)
    assert len(sent(collector)) == 200


def test_a_lost_reply_repeats_and_hurts_nothing(collector: FakeCollector, tmp_path: Path) -> None:
    plain = write(tmp_path, "motd", "welcome\n")
    collector.lost_replies.append("OfferTexts")
    one = agent(collector, tmp_path)
    check_in(one)
    check_in(one)
    assert plain in sent(collector)
