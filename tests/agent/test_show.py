"""Facts as JSON: what protobuf's own mapping makes of them, and what follows from them beside it."""

import json

from google.protobuf.json_format import MessageToDict

from driftline.schema import FACTS, Plan
from driftline.v1.facts_pb2 import Facts
from driftline_agent import inventory, show
from driftline_agent.host import Host


def _fill(plan: Plan, message: object, depth: int = 0) -> None:
    """Set every field of the schema, lists to two elements."""
    values = {"string": "a ä\n", "int32": -7, "int64": 1 << 40, "bool": True, "double": 1.0}
    for field in plan.fields:
        if field.message is not None:
            below = getattr(message, field.name)
            for child in [below.add(), below.add()] if field.repeated else [below]:
                _fill(field.message, child, depth + 1)
        elif field.repeated:
            getattr(message, field.name).extend([values[field.type]] * 2)
        else:
            setattr(message, field.name, values[field.type])


def test_json_is_that_of_protobuf() -> None:
    facts = Facts()
    _fill(FACTS, facts)
    shown, theirs = json.loads(show.as_json(facts)), MessageToDict(facts, preserving_proto_field_name=True)
    for kind in ("packages", "language_packages", "images"):
        for package in shown["software"][kind]:
            for name in ("purl", "title", "product", "maker"):
                package.pop(name, None)
    assert shown == theirs


def test_json_of_this_host_is_that_of_protobuf() -> None:
    facts = Facts()
    for result in inventory.take(Host(), bytes(32), inventory.select(["sysctl", "filesystems", "cpu", "interfaces"])):
        if result.reading is not None:
            facts.MergeFrom(result.reading.facts)
    assert json.loads(show.as_json(facts)) == MessageToDict(facts, preserving_proto_field_name=True)


def test_numbers_that_json_does_not_know() -> None:
    assert [show._number(value) for value in (float("nan"), float("inf"), float("-inf"), 1.5)] == [
        "NaN",
        "Infinity",
        "-Infinity",
        1.5,
    ]
