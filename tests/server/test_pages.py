"""Every page, over seeded data: it renders, is well-formed, leads nowhere dead, and does what it says."""

import importlib
import re

import pytest
from tests.server.conftest import Site, csrf_of
from tests.server.html import Page

from driftline_server.app import areas

#: What stands for a parameter in a page's path.
NAMES = {
    "ci": "web1",
    "uid": "source-web1",
    "number": "1",
    "drift": "1",
    "name": "golden",
    "finding": "1",
    "run": "1",
    "release": "openssl-3",
    "rule": "security",
    "review": "1",
    "proposal": "1",
    "device": "192.0.2.200",
}
#: The same page with some of its parameters in use.
MORE = [
    "/cis?q=web&sort=-open_drifts&drifting=1",
    "/cis?q=nothing",
    "/cis?ci_class=server",
    "/catalog?version=0",
    "/cis/web1/facts?q=openssl",
    "/cis/web1/facts?section=software&offset=100",
    "/cis/web1/facts?at=2026-01-01T00:00",
    "/cis/web1/history?q=software.packages[*]",
    "/cis/web1/utilization?range=7d",
    "/cis/web1/why?with=web2",
    "/cis/old1",
    "/cis/old1/utilization",
    "/drifts?state=all&sort=ci",
    "/drifts?ci=db1&state=accepted",
    "/drifts/4",
    "/rfcs?state=waiting&q=1",
    "/rfcs/2",
    "/rfcs/5",
    "/rfcs/5/edit",
    "/baselines?state=draft",
    "/releases?state=planned&sort=name",
    "/releases/autumn",
    "/waivers?state=requested&q=old",
    "/sources?state=silent&sort=-seen",
    "/findings?state=all&kind=silent&ci=old1",
    "/identity?state=all&kind=same+name&q=web",
    "/identity?state=closed&sort=-score",
    "/identity/decisions?action=clone&q=web&sort=-actor",
    "/identity/shared?kind=system_uuid&sort=-machines",
    "/cis?merged=1",
    "/findings?kind=integrity&sort=-ci",
    "/attestations?q=web&sort=-at",
    "/rules?q=sec&state=in+force&sort=-hits",
    "/rules/security?version=1",
    "/audit?action=rfc&q=approver",
    "/proposals?state=all&kind=depends+on&ci=web1&sort=-title",
    "/proposals?mine=true&q=x",
    "/proposals/2",
    "/service-rules?version=0",
    "/people?q=a",
    "/notifications?state=waiting&sort=channel",
    "/events?kind=rfc&sort=-severity",
    "/routing?version=0",
    "/maintenance?over=1",
    "/devices?q=192&site=fra1&state=problem&sort=-answered",
    "/devices/192.0.2.201",
    "/device-sightings?q=ap&site=fra1&sort=-address",
]


def page_paths() -> list[str]:
    """Return the path of every page that can be asked for."""
    found = []
    for area in areas():
        for route in importlib.import_module(f"driftline_server.{area}.pages").router.routes:
            if "GET" in route.methods:
                found.append(route.path.format(**NAMES))
    return sorted(found)


PAGES = page_paths()


@pytest.fixture(scope="module")
def cookie(site: Site) -> str:
    """An admin's session for all pages."""
    return site.browser("admin").cookies["driftline_session"]


@pytest.mark.parametrize("path", [*PAGES, *MORE])
def test_page(site: Site, cookie: str, path: str) -> None:
    browser = site.stranger()
    browser.cookies.set("driftline_session", cookie)
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = Page(answer.text)
    assert page.errors == []
    assert page.title.strip().endswith("· driftline")
    for asset in page.assets:
        assert site.stranger().get(asset).status_code == 200, asset


@pytest.mark.parametrize("path", [path for path in PAGES if path != "/login"])
def test_page_needs_a_login(site: Site, path: str) -> None:
    answer = site.stranger().get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login")


@pytest.mark.parametrize("path", ["/people", "/join-tokens", "/cis/web1/edit", "/cis/import"])
def test_page_needs_a_role(site: Site, path: str) -> None:
    answer = site.browser("viewer").get(path)
    assert answer.status_code == 403
    assert "has the role viewer" in answer.text


def test_no_link_is_dead(site: Site, cookie: str) -> None:
    """Follow every link from the overview, each kind of page a few times."""
    browser = site.stranger()
    browser.cookies.set("driftline_session", cookie)
    waiting, seen, kinds = ["/"], {"/"}, dict[str, int]()
    while waiting:
        path = waiting.pop()
        answer = browser.get(path)
        assert answer.status_code == 200, f"{path}: {answer.text[:2000]}"
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        for link in sorted(Page(answer.text).links - seen):
            kind = re.sub(r"[0-9a-f-]{36}|\d+|=[^&]*", "*", link)
            seen.add(link)
            if kinds.setdefault(kind, 0) < 3:
                kinds[kind] += 1
                waiting.append(link)
    assert len(kinds) > 40


def test_the_navigation_leads_everywhere(site: Site, cookie: str) -> None:
    """Every page without a parameter is linked from the overview or from a page that the overview links."""
    browser = site.stranger()
    browser.cookies.set("driftline_session", cookie)
    linked = {link.partition("?")[0] for link in Page(browser.get("/").text).links}
    for path in sorted(linked):
        answer = browser.get(path)
        if answer.headers["content-type"].startswith("text/html"):
            linked |= {link.partition("?")[0] for link in Page(answer.text).links}
    assert {
        path for path in PAGES if not re.search(r"/(web1|1|golden|security|192\.0\.2\.\d+)(/|$)", path)
    } - linked == {"/login"}


def test_no_script_of_anyone_else(site: Site, cookie: str) -> None:
    browser = site.stranger()
    browser.cookies.set("driftline_session", cookie)
    for path in PAGES:
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', browser.get(path).text)


def test_what_a_host_says_is_escaped(own_site: Site) -> None:
    evil = '<script>alert("x")</script>'
    own_site.api("operator").patch("/cis/web1", json={"owner": evil, "labels": {evil: evil}}).raise_for_status()
    text = own_site.browser("viewer").get("/cis/web1").text
    assert evil not in text and "&lt;script&gt;" in text


def test_edit_a_ci(own_site: Site) -> None:
    browser = own_site.browser("operator")
    data = {"csrf": csrf_of(browser), "status": "in maintenance", "owner": "DBA", "labels": "role=db\r\ntier=2"}
    answer = browser.post("/cis/db1/edit", data=data)
    assert answer.status_code == 303
    assert "Saved." in browser.get(answer.headers["location"]).text
    ci = own_site.api("viewer").get("/cis/db1").json()
    assert (ci["status"], ci["owner"], ci["labels"]) == ("in maintenance", "DBA", {"role": "db", "tier": "2"})
    assert browser.post("/cis/db1/edit", data={**data, "labels": "role"}).status_code == 422


def test_authorise_on_the_page(own_site: Site) -> None:
    browser = own_site.browser("approver")
    text = browser.get("/rfcs/1").text
    scope = re.search(r'name="scope" value="([^"]+)"', text)
    assert scope
    stale = browser.post("/rfcs/1/authorise", data={"csrf": csrf_of(browser), "scope": "0" * 16})
    assert stale.status_code == 409
    answer = browser.post("/rfcs/1/authorise", data={"csrf": csrf_of(browser), "scope": scope[1], "comment": "fine"})
    assert answer.status_code == 303
    text = browser.get(answer.headers["location"]).text
    assert "Authorised." in text and "fine" in text and 'name="scope"' not in text


def test_revert_on_the_page(own_site: Site) -> None:
    browser = own_site.browser("operator")
    assert 'action="/rfcs/3/authorise"' not in browser.get("/rfcs/3").text
    answer = browser.post("/rfcs/3/revert", data={"csrf": csrf_of(browser), "comment": "put it back"})
    assert answer.status_code == 303
    assert "to be reverted" in browser.get("/rfcs/3").text
    assert browser.post("/rfcs/3/revert", data={"csrf": csrf_of(browser)}).status_code == 409


def test_accept_on_the_page(own_site: Site) -> None:
    browser = own_site.browser("approver")
    assert 'action="/drifts/4/accept"' in browser.get("/drifts/4").text
    data = {"csrf": csrf_of(browser), "reason": "until the weekend", "expires_in": "2d"}
    assert browser.post("/drifts/4/accept", data=data).status_code == 303
    assert "until the weekend" in browser.get("/drifts/4").text


def test_a_baselines_way(own_site: Site) -> None:
    operator, approver = own_site.browser("operator"), own_site.browser("approver")
    token = csrf_of(operator)
    assert operator.post("/baselines", data={"csrf": token, "ci": "old1", "name": "old"}).status_code == 303
    text = approver.get("/baselines/old").text
    assert "Approve v1" in text
    answer = approver.post("/baselines/old/approve", data={"csrf": csrf_of(approver), "version": "1"})
    assert answer.status_code == 303
    document = own_site.api("viewer").get("/baselines/old").json()["document"]
    changed = document + "- os.host.fqdn\n"
    answer = operator.post("/baselines/old/edit", data={"csrf": token, "document": changed.replace("\n", "\r\n")})
    assert answer.status_code == 303
    assert "+- os.host.fqdn" in operator.get("/baselines/old?version=2&against=1").text
    assert "It cannot be approved" not in operator.get("/baselines/old/dry-run").text
    later = {"csrf": csrf_of(approver), "version": "2", "at": "2099-01-01T00:00"}
    answer = approver.post("/baselines/old/approve", data=later)
    assert answer.status_code == 303
    assert "comes into force at" in approver.get(answer.headers["location"]).text
    assert "in force from" in approver.get("/baselines/old").text
    assert approver.post("/baselines/old/retire", data={"csrf": csrf_of(approver)}).status_code == 303
    assert operator.post("/baselines/old/roll-back", data={"csrf": token, "to": "2"}).status_code == 303
    assert "taken from old v2" in operator.get("/baselines/old").text
    promotion = {"csrf": token, "to": "new", "environment": "test", "version": "1"}
    assert "names single CIs" in operator.post("/baselines/old/promote", data=promotion).text
    wanted = {"csrf": token, "group": "role=web", "name": "group", "leave_out": "true"}
    assert operator.post("/baselines", data=wanted).status_code == 303
    assert operator.post("/baselines/group/promote", data=promotion).status_code == 303
    assert "environment: test" in operator.get("/baselines/new").text
    written = {"csrf": token, "document": "name: mine\r\nselector: {ci: old1}\r\nexpect: []\r\n"}
    assert operator.post("/baselines/documents", data=written).headers["location"].startswith("/baselines/mine")
    assert "Baselines in force watch" in operator.get("/baselines/coverage").text


def test_secrets_are_shown_once(own_site: Site) -> None:
    browser = own_site.browser("admin")
    token = csrf_of(browser)
    for path, data, pattern in (
        ("/tokens", {"name": "laptop"}, r"dlt_[\w-]{43}"),
        ("/join-tokens", {"uses": "2", "note": "rack 4"}, r"dl1\.[^<]+"),
    ):
        answer = browser.post(path, data={"csrf": token, **data})
        found = re.search(pattern, answer.text)
        assert answer.status_code == 200 and found, answer.text
        assert found[0] not in browser.get(path).text


def test_people(own_site: Site) -> None:
    browser = own_site.browser("admin")
    token = csrf_of(browser)
    data = {"csrf": token, "name": "jane", "password": "a long password", "roles": ["operator", "viewer"]}
    assert browser.post("/people", data=data).status_code == 303
    assert browser.post("/people", data=data).status_code == 422
    assert browser.post("/people/jane", data={"csrf": token, "roles": ["viewer"], "active": "1"}).status_code == 303
    jane = next(one for one in own_site.api("admin").get("/people").json()["items"] if one["name"] == "jane")
    assert jane["roles"] == ["viewer"] and jane["active"]
