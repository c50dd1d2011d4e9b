"""Texts of files at the report port: offered, wanted, kept; bounded and idempotent."""

import hashlib

import grpc
from tests.collector.harness import agent_of, refused, section

from driftline.v1 import collector_pb2 as pb
from driftline.v1.facts_pb2 import Facts
from driftline_cmdb import texts
from driftline_collector.collector import Collector


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_offer_send_and_offer_again(collector: Collector) -> None:
    one, two = agent_of(collector, "web1"), agent_of(collector, "web2")
    digests = [digest_of("a\n"), digest_of("b\n")]
    assert one.send("OfferTexts", pb.OfferTextsRequest(offered=digests, rules=1)).wanted == digests
    sent = pb.FileText(digest=digests[0], text="a\n", rules=1)
    for _ in range(2):
        assert not one.send("OfferTexts", pb.OfferTextsRequest(texts=[sent], rules=1)).wanted
    assert two.send("OfferTexts", pb.OfferTextsRequest(offered=digests, rules=1)).wanted == digests[1:]


def test_a_text_comes_with_its_section(collector: Collector) -> None:
    agent = agent_of(collector)
    facts = Facts()
    facts.files.files.add(path="/etc/motd", type="file", digest=digest_of("a\n"))
    request = agent.submit_request(section("files", facts))
    request.texts.add(digest=digest_of("a\n"), text="a\n", rules=1)
    agent.received(agent.send("Submit", request).receipt)
    assert not agent.send("OfferTexts", pb.OfferTextsRequest(offered=[digest_of("a\n")], rules=1)).wanted
    with collector.database.read() as session:
        assert texts.texts_of(session, [digest_of("a\n")], [])[digest_of("a\n")].text == "a\n"


def test_what_is_wrong_is_refused_and_changes_nothing(collector: Collector) -> None:
    agent = agent_of(collector)
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "is not the text of its digest"):
        agent.send("OfferTexts", pb.OfferTextsRequest(texts=[pb.FileText(digest=digest_of("a\n"), text="b\n")]))
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "is no digest"):
        agent.send("OfferTexts", pb.OfferTextsRequest(offered=["../../etc/passwd"]))
    assert agent.send("OfferTexts", pb.OfferTextsRequest(offered=[digest_of("a\n")])).wanted
