"""One error shape, for everything."""

import pytest
from tests.server.conftest import Site

AT_LEAST = {"path": "software.packages[dpkg/openssl/amd64].version", "kind": "at_least", "operand": "3.0.14"}
PLAN = {"title": "a plan", "predictions": [{"ci": "web1", **AT_LEAST}]}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("GET", "/nothing", None, 404, "there is nothing at /api/v1/nothing"),
        ("DELETE", "/cis", None, 405, "/api/v1/cis does not take DELETE"),
        ("GET", "/cis/nobody", None, 404, "nobody"),
        ("GET", "/drifts/999", None, 404, "999"),
        ("GET", "/rfcs/999", None, 404, "999"),
        ("GET", "/baselines/nothing", None, 404, "nothing"),
        ("GET", "/baselines/golden?version=9", None, 404, "has no version 9"),
        ("GET", "/cis?limit=0", None, 422, "query.limit"),
        ("GET", "/cis?limit=many", None, 422, "query.limit"),
        ("GET", "/cis?sort=colour", None, 422, "is not one of name"),
        ("GET", "/drifts/one", None, 422, "path.drift"),
        ("GET", "/cis/web1/utilization?since=yesterday", None, 422, "is not a span of time"),
        ("GET", "/cis/web1/utilization?since=7d&step=90s", None, 422, "whole number of minutes"),
        ("GET", "/cis/web1/utilization?since=52w&step=1m", None, 422, "use a longer step"),
        ("GET", "/cis/web1/facts?match=", None, 422, "a pattern may not be empty"),
        ("POST", "/rfcs", {"title": "x", "predictions": []}, 422, "predictions: a planned RFC needs at least one"),
        ("POST", "/rfcs", PLAN | {"predictions": [{"ci": "nobody", **AT_LEAST}]}, 404, "nobody"),
        ("POST", "/rfcs", PLAN | {"predictions": [{"ci": "web1", **AT_LEAST, "operand": "a b"}]}, 422, "dpkg version"),
        (
            "POST",
            "/rfcs",
            PLAN | {"predictions": [{"ci": "web1", **AT_LEAST, "path": "os.sysctls[*].value"}]},
            422,
            "text without an order",
        ),
        (
            "POST",
            "/rfcs",
            PLAN | {"predictions": [{"ci": "web1", **AT_LEAST, "path": "software.packages[dpkg/*/*].version"}]},
            422,
            "a prediction with wild cards needs a window with an end",
        ),
        (
            "POST",
            "/rfcs",
            PLAN | {"predictions": [{"ci": "web1", **AT_LEAST, "path": "software.**.version"}]},
            422,
            "wild cards stand in brackets only",
        ),
        ("POST", "/rfcs", PLAN | {"start": "2026-11-24T10:00Z", "end": "2026-11-24T09:00Z"}, 422, "ends before"),
        ("GET", "/rules/nothing", None, 404, 'no standing rule is named "nothing"'),
        ("GET", "/rules/security?version=9", None, 404, "with version 9"),
        ("POST", "/rules", {"document": "name: [1"}, 422, "rule:1:"),
        ("POST", "/rules/security/replay", {"days": 0}, 422, "body.days"),
        ("POST", "/rules/nothing/retire", {}, 404, "no standing rule is named"),
        ("GET", "/origins?sort=colour", None, 422, "is not one of name, packages, versions, loaded"),
        ("POST", "/people", {"name": "x"}, 422, "body.password"),
        ("POST", "/people", {"name": "X Y", "password": "long enough it is", "roles": ["viewer"]}, 422, "name"),
        ("POST", "/people", {"name": "new", "password": "short", "roles": ["viewer"]}, 422, "12 to 1024"),
        ("POST", "/people", {"name": "new", "password": "long enough it is", "roles": ["king"]}, 422, '"king"'),
        ("PATCH", "/cis/web1", {"status": "on fire"}, 422, "is not one of planned"),
        ("POST", "/rfcs/1/cancel", {"comment": ""}, 403, "RFC 1"),
        ("POST", "/baselines", {"ci": "web1", "name": "again"}, 403, "open drifts"),
        ("PUT", "/baselines/golden", {"document": "name: [1"}, 422, "golden.yaml"),
        ("POST", "/baselines", {"name": "x"}, 422, "needs just one of ci, group, document"),
        ("POST", "/baselines", {"ci": "web1"}, 422, "a captured baseline needs a name"),
        ("POST", "/baselines", {"document": "name: golden\nselector: {ci: a}\nexpect: []"}, 409, "golden exists"),
        ("POST", "/baselines", {"document": "name: coverage\nselector: {ci: a}\nexpect: []"}, 422, "cannot name"),
        ("POST", "/baselines", {"group": "web1", "name": "x"}, 422, 'group: "web1" names no CIs'),
        ("POST", "/baselines", {"group": "role=web", "name": "x"}, 403, "2 CIs of the group have open drifts"),
        ("POST", "/baselines", {"group": "role=none", "name": "x"}, 422, "a majority needs at least two"),
        ("POST", "/baselines", {"group": "role=web", "name": "x", "share": 30}, 422, "body.share"),
        ("GET", "/baselines/golden/diff?before=1&after=2", None, 404, "has no version 2"),
        ("GET", "/baselines/coverage?ci=nobody", None, 404, "nobody"),
        ("POST", "/baselines/golden/roll-back", {"to": 1}, 409, "is in force: there is nothing to roll back to"),
        ("POST", "/baselines/golden/roll-back", {"to": 7}, 404, "has no version 7"),
        ("POST", "/baselines/golden/promote", {"to": "x", "set": {"environment": "test"}}, 403, "names single CIs"),
        ("POST", "/baselines/golden/promote", {"to": "x", "set": {"ci": ""}}, 422, "nothing would be selected"),
        ("POST", "/baselines/golden/promote", {"to": "x", "set": {"colour": "red"}}, 422, '"colour" is not one of ci'),
        ("POST", "/baselines/golden/promote", {"to": "golden"}, 422, "is the same baseline"),
    ],
)
def test_problem(own_or_shared: Site, method: str, path: str, body: object, status: int, words: str) -> None:
    answer = own_or_shared.api("admin").request(method, path, json=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem) - {"errors"} == {"type", "title", "status", "detail", "instance"}
    assert problem["status"] == status and problem["type"] == "about:blank"
    assert problem["instance"] == f"/api/v1{path.partition('?')[0]}"
    assert words in problem["detail"]


@pytest.fixture
def own_or_shared(site: Site) -> Site:
    """None of these changes anything, which `test_nothing_was_changed` below would show."""
    return site


def test_nothing_was_changed(site: Site) -> None:
    assert [one["name"] for one in site.api("admin").get("/people").json()["items"]] == [
        "admin", "approver", "chief", "operator", "viewer",
    ]  # fmt: skip


def test_damaged_json(site: Site) -> None:
    answer = site.api("admin").post("/people", content=b"{", headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_too_large(site: Site) -> None:
    answer = site.api("admin").put("/baselines/golden", json={"document": "x" * 9_000_000})
    assert answer.status_code == 413
    assert "larger than" in answer.json()["detail"]


def test_a_page_gets_a_page(site: Site) -> None:
    answer = site.browser("viewer").get("/rfcs/999")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "there is no RFC 999" in answer.text
