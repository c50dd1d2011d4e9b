"""Who may do what, and how they show who they are."""

import time

import pytest
from sqlmodel import col, select, update
from tests.server.conftest import Site, csrf_of, log_in
from tests.server.seed import PASSWORD

from driftline_cmdb import sources
from driftline_cmdb.tables.audit import AuditEntry
from driftline_cmdb.tables.people import ApiToken, Person, WebSession
from driftline_cmdb.tables.sources import Source
from driftline_server.access import passwords
from driftline_server.access.limits import Attempts
from driftline_server.errors import TooManyAttempts

#: Who may: v viewer, o operator, a approver, c chief (admin only), A admin and approver.
MATRIX = [
    ("GET", "/cis", None, "voacA"),
    ("GET", "/audit", None, "voacA"),
    ("GET", "/tokens", None, "voacA"),
    ("GET", "/tokens?all=true", None, "cA"),
    ("GET", "/people", None, "cA"),
    ("POST", "/people", {}, "cA"),
    ("PATCH", "/people/viewer", {}, "cA"),
    ("GET", "/join-tokens", None, "ocA"),
    ("POST", "/join-tokens", {"uses": 1}, "ocA"),
    ("PATCH", "/cis/old1", {"owner": "me"}, "ocA"),
    ("POST", "/baselines", {"ci": "old1", "name": "old"}, "ocA"),
    ("PUT", "/baselines/golden", {"document": ""}, "ocA"),
    ("POST", "/baselines/golden/approve", {}, "aA"),
    ("POST", "/baselines/golden/retire", {}, "aA"),
    ("POST", "/baselines/golden/roll-back", {"to": 1}, "ocA"),
    ("POST", "/baselines/golden/promote", {"to": "x"}, "ocA"),
    ("GET", "/baselines/coverage", None, "voacA"),
    ("GET", "/baselines/golden/dry-run", None, "voacA"),
    ("POST", "/rfcs/1/authorise", {"scope": "x"}, "aA"),
    ("POST", "/rfcs/1/revert", {}, "ocA"),
    ("POST", "/rfcs/1/cancel", {}, "ocA"),
    ("POST", "/rfcs", {"title": "x", "draft": True}, "ocA"),
    ("POST", "/rfcs/5/assess", {}, "oacA"),
    ("POST", "/rfcs/5/reject", {"comment": "no"}, "aA"),
    ("POST", "/rfcs/5/schedule", {"start": "2100-01-01T00:00Z"}, "ocA"),
    ("POST", "/rfcs/5/close", {}, "oacA"),
    ("POST", "/rfcs/5/comments", {"text": "x"}, "oacA"),
    ("PUT", "/policies/approval", {"document": "x"}, "cA"),
    ("POST", "/policies/approval/confirm", {"number": 1}, "acA"),
    ("PUT", "/rfc-templates/x", {"document": "x"}, "ocA"),
    ("POST", "/rfc-templates/openssl/approve", {}, "aA"),
    ("POST", "/rfc-templates/openssl/use", {"cis": ["web1"]}, "ocA"),
    ("POST", "/freezes", {}, "ocA"),
    ("POST", "/freezes/sale/end", {}, "aA"),
    ("POST", "/drifts/1/accept", {}, "aA"),
    ("PUT", "/cis/web1/sources/source-web1/rank", {"rank": 1, "reason": ""}, "ocA"),
    ("POST", "/proposal-ignores", {"port": "1", "reason": "x"}, "ocA"),
    ("GET", "/devices", None, "voacA"),
    ("POST", "/devices", {"site": "fra1", "address": "x", "credential": "core"}, "ocA"),
    ("DELETE", "/devices/192.0.2.201?reason=x", None, "ocA"),
    ("POST", "/devices/192.0.2.200/read", {}, "ocA"),
    ("GET", "/device-speakers", None, "voacA"),
    ("POST", "/device-speakers", {"source": "web1", "site": "fra1", "reason": "x"}, "ocA"),
    ("POST", "/device-speakers/forbid", {"source": "web2", "site": "fra1", "reason": "x"}, "ocA"),
    ("GET", "/device-sightings", None, "voacA"),
    ("PUT", "/service-rules", {"document": "x"}, "ocA"),
    ("POST", "/sources/source-web1/revoke", {"reason": "lost"}, "cA"),
    ("POST", "/sources/source-web1/release", {"reason": "a move"}, "cA"),
    ("GET", "/sources/source-web1/holders", None, "voacA"),
    ("POST", "/sources/source-web1/split", {"reason": "a copy"}, "cA"),
    ("POST", "/sources/source-web1/expect", {"reason": "an image"}, "cA"),
    ("POST", "/sources/source-web1/retire", {"reason": "scrap"}, "cA"),
]
PEOPLE = {"v": "viewer", "o": "operator", "a": "approver", "c": "chief", "A": "admin"}


@pytest.mark.parametrize(("method", "path", "body", "allowed"), MATRIX, ids=[f"{m} {p}" for m, p, _, _ in MATRIX])
def test_roles(own_site: Site, method: str, path: str, body: object, allowed: str) -> None:
    for letter, name in PEOPLE.items():
        answer = own_site.api(name).request(method, path, json=body)
        is_role = answer.status_code == 403 and "has the role" in answer.json()["detail"]
        assert is_role == (letter not in allowed), f"{name}: {answer.status_code} {answer.text}"


def test_tokens_end(own_site: Site) -> None:
    made = own_site.api("viewer").post("/tokens", json={"name": "short", "expires_in": "1h"}).json()
    assert made["secret"].startswith("dlt_") and len(made["secret"]) == 4 + 43
    bearer = {"Authorization": f"Bearer {made['secret']}"}
    assert own_site.stranger().get("/api/v1/me", headers=bearer).json() == {"name": "viewer", "roles": ["viewer"]}
    with own_site.database.write() as session:
        session.exec(update(ApiToken).where(col(ApiToken.id) == made["id"]).values(expires_ms=1))
    answer = own_site.stranger().get("/api/v1/me", headers=bearer)
    assert answer.status_code == 401 and "expired" in answer.json()["detail"]


def test_a_secret_is_stored_nowhere(own_site: Site) -> None:
    secret = own_site.api("viewer").post("/tokens", json={"name": "x"}).json()["secret"]
    with own_site.database.read() as session:
        assert all(secret not in str(row.model_dump()) for row in session.exec(select(ApiToken)))
        assert all(secret not in str(row.model_dump()) for row in session.exec(select(AuditEntry)))
        assert all(row.password_hash.startswith("$argon2id$") for row in session.exec(select(Person)))


def test_only_ones_own_tokens(own_site: Site) -> None:
    other = own_site.api("operator").post("/tokens", json={"name": "x"}).json()["id"]
    assert own_site.api("viewer").delete(f"/tokens/{other}").status_code == 404
    assert own_site.api("chief").delete(f"/tokens/{other}").status_code == 200


def test_a_new_password_ends_tokens_and_sessions(own_site: Site) -> None:
    browser = own_site.browser("viewer")
    answer = own_site.api("chief").patch("/people/viewer", json={"password": "another long password"})
    assert answer.status_code == 200
    assert own_site.api("viewer").get("/me").status_code == 401
    assert browser.get("/cis").status_code == 303
    assert log_in(own_site.stranger(), "viewer", PASSWORD).status_code == 401
    assert log_in(own_site.stranger(), "viewer", "another long password").status_code == 303


def test_the_last_admin_stays(own_site: Site) -> None:
    chief = own_site.api("chief")
    assert chief.patch("/people/admin", json={"active": False}).status_code == 200
    answer = chief.patch("/people/chief", json={"roles": ["viewer"]})
    assert answer.status_code == 403 and "last active admin" in answer.json()["detail"]


def test_login_is_limited(own_site: Site) -> None:
    client = own_site.stranger()
    for _ in range(5):
        assert log_in(client, "viewer", "wrong").status_code == 401
    answer = log_in(client, "viewer", PASSWORD)
    assert answer.status_code == 429 and "Try again in" in answer.text
    assert log_in(client, "operator", PASSWORD).status_code == 303
    api = own_site.api(None).post("/login", json={"name": "viewer", "password": PASSWORD})
    assert api.status_code == 429 and int(api.headers["retry-after"]) > 0


def test_attempts_are_forgotten() -> None:
    attempts = Attempts(2, 10)
    for at in (0, 1000):
        attempts.begin("here", "me", at)
    with pytest.raises(TooManyAttempts) as refused:
        attempts.begin("here", "me", 2000)
    assert refused.value.wait_s == 8
    attempts.begin("there", "me", 2000)
    attempts.begin("here", "me", 10_001)
    for number in range(20):
        attempts.begin("here", f"name{number}", 25_000)
    with pytest.raises(TooManyAttempts):
        attempts.begin("here", "someone else", 25_000)
    attempts.succeeded("here", "name0")
    attempts.begin("here", "someone else", 25_000)


def test_unknown_names_take_as_long() -> None:
    known = passwords.hash_of("a long password")

    def took(encoded: str | None) -> float:
        start = time.perf_counter()
        assert not passwords.fits(encoded, "wrong")
        return time.perf_counter() - start

    pairs = [(took(known), took(None)) for _ in range(5)]
    assert 0.3 < min(one for one, _ in pairs) / min(other for _, other in pairs) < 3


def test_login_says_the_same_for_name_and_password(own_site: Site) -> None:
    one = own_site.api(None).post("/login", json={"name": "nobody", "password": "wrong"})
    other = own_site.api(None).post("/login", json={"name": "viewer", "password": "wrong"})
    assert one.status_code == other.status_code == 401
    assert one.json() == other.json()


def test_cookie(own_site: Site) -> None:
    answer = log_in(own_site.stranger(), "viewer", PASSWORD)
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("driftline_session"))
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie
    secret = cookie.partition("=")[2].partition(";")[0]
    with own_site.database.read() as session:
        assert all(secret.encode() != row.id_hash for row in session.exec(select(WebSession)))


def test_sessions_end(own_site: Site) -> None:
    browser = own_site.browser("viewer")
    assert browser.get("/cis").status_code == 200
    with own_site.database.write() as session:
        session.exec(update(WebSession).values(expires_ms=1))
    answer = browser.get("/cis?q=web")
    assert answer.status_code == 303 and answer.headers["location"] == "/login?next=%2Fcis%3Fq%3Dweb"


def test_logout(own_site: Site) -> None:
    browser = own_site.browser("viewer")
    copy = own_site.stranger()
    copy.cookies.set("driftline_session", browser.cookies["driftline_session"])
    assert browser.post("/logout", data={"csrf": csrf_of(browser)}).status_code == 303
    assert copy.get("/cis").status_code == 303


@pytest.mark.parametrize(
    "to", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\n/x"]
)
def test_login_leads_to_this_server_only(own_site: Site, to: str) -> None:
    answer = log_in(own_site.stranger(), "viewer", PASSWORD, to=to)
    assert answer.headers["location"] == "/"


def test_login_leads_back(own_site: Site) -> None:
    answer = log_in(own_site.stranger(), "viewer", PASSWORD, to="/cis?q=web")
    assert answer.headers["location"] == "/cis?q=web"


def test_login_form_needs_its_cookie(own_site: Site) -> None:
    answer = own_site.stranger().post("/login", data={"name": "viewer", "password": PASSWORD, "token": "x"})
    assert answer.status_code == 403 and "driftline_session" not in answer.cookies


FORMS = [
    ("/logout", {}),
    ("/cis/web1/edit", {"status": "installed"}),
    ("/rfcs/1/authorise", {"scope": "x"}),
    ("/rfcs/1/revert", {}),
    ("/rfcs/1/cancel", {}),
    ("/drifts/1/accept", {"reason": "x", "expires_in": "1d"}),
    ("/baselines", {"ci": "web1", "name": "x"}),
    ("/baselines/documents", {"document": "x"}),
    ("/baselines/golden/edit", {"document": "x"}),
    ("/baselines/golden/approve", {"version": "1"}),
    ("/baselines/golden/retire", {}),
    ("/baselines/golden/roll-back", {"to": "1"}),
    ("/baselines/golden/promote", {"to": "x", "environment": "test", "version": "1"}),
    ("/sources/source-web1/revoke", {"reason": "x"}),
    ("/sources/source-web1/release", {"reason": "x"}),
    ("/sources/source-web1/split", {"reason": "x"}),
    ("/sources/source-web1/expect", {"reason": "x"}),
    ("/sources/source-web1/retire", {"reason": "x"}),
    ("/join-tokens", {}),
    ("/join-tokens/x/delete", {}),
    ("/people", {"name": "x", "password": "long enough it is"}),
    ("/people/viewer", {}),
    ("/tokens", {"name": "x"}),
    ("/tokens/1/delete", {}),
]


@pytest.mark.parametrize(("path", "data"), FORMS, ids=[path for path, _ in FORMS])
def test_forms_need_the_csrf_token(
    site: Site, admin_browser: tuple[object, str], path: str, data: dict[str, str]
) -> None:
    browser = site.stranger()
    browser.cookies.set("driftline_session", admin_browser[1])
    for csrf in ({}, {"csrf": "wrong"}):
        answer = browser.post(path, data={**data, **csrf})
        assert answer.status_code == 403, answer.text
        assert "not of your session" in answer.text
    assert site.stranger().post(path, data=data).status_code in (401, 403)


@pytest.fixture(scope="module")
def admin_browser(site: Site) -> tuple[object, str]:
    """One admin's session for all forms."""
    browser = site.browser("admin")
    return browser, browser.cookies["driftline_session"]


def test_a_session_may_use_the_api_with_its_csrf_token(own_site: Site) -> None:
    browser = own_site.browser("operator")
    assert browser.get("/api/v1/cis").status_code == 200
    assert browser.patch("/api/v1/cis/web1", json={"owner": "x"}).status_code == 403
    csrf = {"X-CSRF-Token": csrf_of(browser)}
    assert browser.patch("/api/v1/cis/web1", json={"owner": "x"}, headers=csrf).status_code == 200


@pytest.mark.parametrize("path", ["/login", "/static/app.css", "/api/v1/health", "/nothing", "/api/v1/nothing"])
def test_security_headers(site: Site, path: str) -> None:
    headers = site.stranger().get(path).headers
    policy = headers["content-security-policy"]
    assert "script-src 'self';" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert headers["x-frame-options"] == "DENY" and headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert path.startswith("/static/") or headers["cache-control"] == "no-store"


def test_release_from_quarantine(own_site: Site) -> None:
    api = own_site.api("chief")
    assert api.post("/sources/source-web1/release", json={"reason": "x"}).status_code == 422
    with own_site.database.write() as session:
        source = session.exec(select(Source).where(Source.uid == "source-web1")).one()
        sources.quarantine(session, source, "driftline", "two machines with one identity", 1)
    assert api.get("/sources?state=quarantined").json()["items"][0]["quarantine_reason"].startswith("two machines")
    assert api.post("/sources/source-web1/release", json={"reason": "the clone is gone"}).status_code == 200
    assert api.get("/sources?state=quarantined").json()["total"] == 0
