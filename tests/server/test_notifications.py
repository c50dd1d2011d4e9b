"""Notifications over real channels: mails to an SMTP server, webhooks to a receiver that checks them."""

import base64
import hashlib
import hmac
import json
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, col, select
from tests.server.conftest import Site, csrf_of
from tests.server.receivers import Hook, Mailbox, certificate, hook_server, mail_server
from tests.server.test_cli import runner

from driftline_cmdb.attention import delivering, dispatch, documents, events
from driftline_cmdb.database import Database
from driftline_cmdb.tables.attention import Delivery
from driftline_cmdb.tables.audit import AuditEntry
from driftline_cmdb.tables.cis import Finding
from driftline_cmdb.tables.rfcs import Rfc
from driftline_server.errors import DeliveryError, SettingsError
from driftline_server.notifications import channels, loop, mail, webhook
from driftline_server.notifications.channels import EmailChannel, Secret, WebhookChannel
from driftline_server.times import now_ms

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
PASSWORD = "right"
ALL_TO = "routes: [{page: %s, match: {severity: [warning, critical]}}, {digest: {channel: %s, every: 1h}}]"


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Mailbox]:
    with mail_server(tmp_path) as running:
        yield running


@pytest.fixture
def hook() -> Iterator[Hook]:
    with hook_server(SECRET) as running:
        yield running


@pytest.fixture
def to_mail(box: Mailbox, tmp_path: Path) -> EmailChannel:
    (tmp_path / "password").write_text(PASSWORD + "\n")
    return EmailChannel(
        "localhost",
        "driftline@example.net",
        ("a@example.net", "b@example.net"),
        box.port,
        ca_file=tmp_path / "cert.pem",
        user="driftline",
        password=Secret(str(tmp_path / "password"), True),
    )


@pytest.fixture
def to_hook(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> WebhookChannel:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    return WebhookChannel(f"http://127.0.0.1:{hook.port}/driftline?a=b", Secret("HOOK_SECRET", False), True)


def rfc(session: Session, title: str, number: int = 1) -> Rfc:
    row = Rfc(number=number, title=title, requester="driftline", origin="driftline", created_ms=1_790_000_000_000)
    session.add(row)
    session.flush()
    return row


def raised(database: Database, title: str, now: int, number: int = 1) -> Rfc:
    with database.write() as session:
        row = rfc(session, title, number)
        events.emit_rfc(session, "rfc.raised", row, "critical", now, text="what changed\n<b>bold</b>")
    return row


def deliver(database: Database, name: str, channel: channels.Channel, now: int) -> int:
    dispatch.route_due(database, now)
    return loop.deliver_due(database, name, channel, "https://d.example.net", lambda: now, lambda: 0.5)


def test_the_mails_of_an_rfc_are_one_thread(database: Database, box: Mailbox, to_mail: EmailChannel) -> None:
    now = now_ms()
    row = raised(database, "Unexplained change on web1: package sl appeared", now)
    assert deliver(database, "page", to_mail, now) == 1
    with database.write() as session:
        events.emit_rfc(session, "rfc.reopened", session.get_one(Rfc, row.id), "critical", now + 1)
    assert deliver(database, "page", to_mail, now + 1) == 1
    first, second = box.mails
    assert box.logins == [("driftline", PASSWORD)] * 2
    assert first["Subject"] == second["Subject"] == f"[driftline] RFC 1: {row.title}"
    assert first["Message-ID"] == "<rfc-1-1790000000000.page@example.net>"
    assert second["References"] == second["In-Reply-To"] == first["Message-ID"]
    assert second["Message-ID"] not in (None, first["Message-ID"])
    assert first["References"] is None
    assert first["To"] == "a@example.net, b@example.net"
    plain, rich = first.get_body(("plain",)), first.get_body(("html",))
    assert plain is not None and rich is not None
    assert "https://d.example.net/rfcs/1" in plain.get_content()
    assert "<b>bold</b>" in plain.get_content() and "&lt;b&gt;bold" in rich.get_content()


HOSTILE = "x\r\nBcc: mallory@example.net\r\n\r\n<script>\x00\u2028\udce4 ü"


def test_a_hostile_title_adds_no_header(box: Mailbox, to_mail: EmailChannel) -> None:
    event = {
        "kind": "rfc.raised", "what": "w", "at": "2026-11-24T00:00:00Z", "severity": "critical", "title": HOSTILE,
        "text": HOSTILE, "cis": [HOSTILE], "more_cis": 0, "folded": 0, "link": "/rfcs/1",
    }  # fmt: skip
    data = {
        "title": HOSTILE,
        "severity": "critical",
        "thread": "rfc-1\r\nX-Evil: 1",
        "events": [event],
        "more_events": 0,
    }
    message = {"type": "rfc.raised", "timestamp": "2026-11-24T00:00:00Z", "data": data}
    mail.send(to_mail, "page", "msg_1", message, False, None)
    (got,) = box.mails
    assert got["Bcc"] is None and got["X-Evil"] is None
    assert "Bcc: mallory@example.net" in got["Subject"]
    assert set(got.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "X-Driftline-Id", "Auto-Submitted", "MIME-Version",
        "Content-Type",
    }  # fmt: skip
    rich = got.get_body(("html",))
    assert rich is not None and "<script>" not in rich.get_content()


def test_a_mail_that_was_refused_comes_after_a_restart(database: Database, box: Mailbox, to_mail: EmailChannel) -> None:
    now = now_ms()
    raised(database, "t", now)
    box.answers = ["451 try later"]
    assert deliver(database, "page", to_mail, now) == 1
    assert box.mails == []
    with database.read() as session:
        waiting = session.exec(select(Delivery)).one()
        assert "451" in waiting.last_error and waiting.next_try_ms == now + 5_000
    other = Database(database.url)  # as another process has it
    assert loop.deliver_due(other, "page", to_mail, None, lambda: now + 4_999) == 0
    assert loop.deliver_due(other, "page", to_mail, None, lambda: now + 5_000) == 1
    other.close()
    assert len(box.mails) == 1
    with database.read() as session:
        assert session.exec(select(Delivery.state)).one() == "sent"


def test_a_password_stands_nowhere(
    database: Database, box: Mailbox, to_mail: EmailChannel, caplog: pytest.LogCaptureFixture
) -> None:
    assert to_mail.password is not None
    Path(to_mail.password.name).write_text("wrong-secret-word")
    caplog.set_level(logging.DEBUG)
    now = now_ms()
    raised(database, "t", now)
    deliver(database, "page", to_mail, now)
    with database.read() as session:
        row = session.exec(select(Delivery)).one()
        assert row.last_error == "localhost refused the user driftline (535)"
        assert "wrong-secret-word" not in row.model_dump_json()
    assert "wrong-secret-word" not in caplog.text + repr(to_mail)
    assert box.mails == []


def test_who_was_not_refused_gets_a_mail_once(database: Database, box: Mailbox, to_mail: EmailChannel) -> None:
    now = now_ms()
    box.refused = {"b@example.net"}
    raised(database, "t", now)
    deliver(database, "page", to_mail, now)
    with database.read() as session:
        assert session.exec(select(Delivery.state)).one() == "failed"
        assert "refused b@example.net" in session.exec(select(Finding.message)).one()
    assert len(box.mails) == 1


def test_a_webhook_is_signed_and_its_id_stays(database: Database, hook: Hook, to_hook: WebhookChannel) -> None:
    now = now_ms()
    raised(database, 'Unexplained "ü" on web1', now)
    hook.answers = [(500, {}), (302, {"location": f"http://127.0.0.1:{hook.port}/elsewhere"})]
    assert deliver(database, "page", to_hook, now) == 1
    for later in (5_000, 15_000):
        assert deliver(database, "page", to_hook, now + later) == 1
    assert hook.errors == []
    assert len(hook.calls) == 3  # the redirect was not followed
    (uid,) = {call[0] for call in hook.calls}
    assert uid.startswith("msg_")
    assert [int(call[1]) for call in hook.calls] == [(now + later) // 1000 for later in (0, 5_000, 15_000)]
    assert hook.calls[0][2] == hook.calls[2][2]
    content = hook.calls[0][2]
    assert content["type"] == "rfc.raised" and content["server"] == "https://d.example.net"
    assert content["data"]["events"][0]["rfc"]["number"] == 1
    with database.read() as session:
        assert session.exec(select(Delivery.state)).one() == "sent"


def test_the_signature_is_what_the_specification_says(monkeypatch: pytest.MonkeyPatch, to_hook: WebhookChannel) -> None:
    sent: dict[str, Any] = {}

    async def keep(*arguments: Any) -> None:
        sent["content"], sent["headers"] = arguments[4], arguments[5]

    monkeypatch.setattr(webhook, "_post", keep)
    webhook.send(to_hook, "msg_p5jXN8AQM9LWM0D4loKWxJek", {"test": 2432232314}, 1_614_265_330_000)
    signed = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330." + sent["content"]
    expected = base64.b64encode(hmac.new(bytes(range(32)), signed, hashlib.sha256).digest()).decode()
    assert sent["headers"]["webhook-signature"] == f"v1,{expected}"


def test_a_receiver_that_is_gone_is_given_up_at_once(database: Database, hook: Hook, to_hook: WebhookChannel) -> None:
    hook.answers = [(410, {})]
    now = now_ms()
    raised(database, "t", now)
    deliver(database, "page", to_hook, now)
    with database.read() as session:
        row = session.exec(select(Delivery).where(Delivery.channel == "page")).one()
        assert (row.state, row.last_error) == ("failed", "127.0.0.1 answered 410 Gone")


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "::1", "fe80::1%eth0", "::ffff:127.0.0.1", "0.0.0.0",
     "64:ff9b::7f00:1", "2002:7f00:1::", "100.64.0.1", "224.0.0.1", "fd00::1"],
)  # fmt: skip
def test_an_address_that_is_not_public_is_not_called(address: str, to_hook: WebhookChannel, hook: Hook) -> None:
    assert not webhook.is_public(address)
    guarded = WebhookChannel(f"http://hooks.example.net:{hook.port}/", to_hook.secret)
    with pytest.raises(DeliveryError, match="not public; allow_private: true allows it"):
        webhook.send(guarded, "msg_1", {}, now_ms(), lambda _host, _port: ["8.8.8.8", address])
    assert hook.calls == []


def test_public_addresses_are() -> None:
    assert all(webhook.is_public(one) for one in ("8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"))


def test_only_the_address_that_was_looked_at_is_called(hook: Hook, to_hook: WebhookChannel) -> None:
    """A name server that answers otherwise the second time gains nothing: nobody asks again."""
    asked: list[str] = []

    def find(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    named = WebhookChannel(f"http://hooks.invalid:{hook.port}/", to_hook.secret, True)
    webhook.send(named, "msg_1", {"a": 1}, now_ms(), find)
    assert asked == ["hooks.invalid"]
    assert [call[0] for call in hook.calls] == ["msg_1"]


def test_https_checks_the_name_in_the_certificate(tmp_path: Path, to_hook: WebhookChannel) -> None:
    cert, key = certificate(tmp_path)
    with hook_server(SECRET, (cert, key)) as secure:

        def channel(host: str, ca: Path | None) -> WebhookChannel:
            return WebhookChannel(f"https://{host}:{secure.port}/", to_hook.secret, True, ca)

        def send(host: str, ca: Path | None) -> None:
            webhook.send(channel(host, ca), "msg_1", {}, now_ms(), lambda _host, _port: ["127.0.0.1"])

        send("localhost", cert)
        assert len(secure.calls) == 1
        with pytest.raises(DeliveryError, match="CERTIFICATE_VERIFY_FAILED"):
            send("elsewhere.example.net", cert)
        with pytest.raises(DeliveryError, match="CERTIFICATE_VERIFY_FAILED"):
            send("localhost", None)
        assert len(secure.calls) == 1


def test_two_loops_send_each_message_once(database: Database, hook: Hook, to_hook: WebhookChannel) -> None:
    now = now_ms()
    for number in range(1, 21):
        raised(database, f"t{number}", now, number)
    start = threading.Barrier(2)

    def work() -> None:
        other = Database(database.url)
        start.wait()
        deliver(other, "page", to_hook, now)
        other.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    deliver(database, "page", to_hook, now)  # what one routed after the other's last look
    assert len(hook.calls) == len({call[0] for call in hook.calls}) == 20


def test_the_loop_of_a_server_sends_by_itself(database: Database, hook: Hook, to_hook: WebhookChannel) -> None:
    notifier = loop.Notifier(database, channels.Channels({"page": to_hook, "digest": channels.LogChannel()}), "one")
    notifier.start()
    try:
        raised(database, "t", now_ms())
        until = time.monotonic() + 30
        while not hook.calls:
            assert time.monotonic() < until
            time.sleep(0.02)
    finally:
        notifier.stop()
    with database.read() as session:
        assert sorted(documents.sent_to(session, now_ms())) == ["digest", "page"]


def test_a_defect_in_sending_one_is_a_failure_of_that_one(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> None:
        raise KeyError("a secret detail")

    monkeypatch.setattr(loop, "send", broken)
    now = now_ms()
    raised(database, "t", now)
    assert deliver(database, "page", channels.LogChannel(), now) == 1
    with database.read() as session:
        row = session.exec(select(Delivery)).one()
        assert (row.state, row.last_error) == ("waiting", "defect: KeyError")


GOOD = """
link: https://d.example.net/
channels:
  page: {kind: email, host: m, user: u, password_env: SMTP_PASSWORD, from: a@b.c, to: [d@e.f]}
  hook: {kind: webhook, url: "https://h.example.net/x", secret_env: HOOK_SECRET}
  try: {kind: log}
"""


def test_a_file_of_channels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setenv("SMTP_PASSWORD", "pw")
    (tmp_path / "channels.yaml").write_text(GOOD)
    found = channels.load(tmp_path / "channels.yaml")
    assert found.kinds() == {"page": "email", "hook": "webhook", "try": "log"}
    assert found.link == "https://d.example.net"
    page = found.by_name["page"]
    assert isinstance(page, EmailChannel) and (page.port, page.security) == (587, "starttls")
    monkeypatch.setenv("HOOK_SECRET", "whsec_c2hvcnQ=")
    with pytest.raises(SettingsError, match=r"channels\.hook: HOOK_SECRET: must hold 24 to 64 random bytes") as caught:
        channels.load(tmp_path / "channels.yaml")
    assert "c2hvcnQ" not in str(caught.value)
    monkeypatch.delenv("HOOK_SECRET")
    with pytest.raises(SettingsError, match="the environment variable HOOK_SECRET is not set"):
        channels.load(tmp_path / "channels.yaml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("channels: {a: {kind: fax}}", "c.yaml:1:22: channels.a.kind: 'fax' is not one of"),
        ("channels: {A b: {kind: log}}", "is no name"),
        ("channels: {a: {kind: log, host: x}}", '"host" is not known here'),
        ("channels: {a: {kind: email, host: m, from: x, to: y@z}}", '"x" is not an e-mail address'),
        ('channels: {a: {kind: email, host: m, from: x@y, to: ["a@b\\nBcc: c@d"]}}', "is not an e-mail address"),
        ("channels: {a: {kind: email, host: m, from: x@y, to: y@z, user: u}}", "belong together"),
        (
            "channels: {a: {kind: email, host: m, from: x@y, to: y@z, user: u, password_env: P, security: none}}",
            "sends a password in clear",
        ),
        ("channels: {a: {kind: webhook, url: 'ftp://x', secret_env: S}}", "is not an http(s) address"),
        ("channels: {a: {kind: webhook, url: 'https://u:p@x', secret_env: S}}", "without user name"),
        ("channels: {a: {kind: webhook, url: 'https://x'}}", "has no secret_file"),
        ("channels: {a: {kind: webhook, url: 'https://x', secret_env: S, secret_file: F}}", "has both"),
        ("link: ftp://x\nchannels: {}", "is not the address of this server"),
    ],
)
def test_errors_in_a_file_of_channels(text: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        channels.parse(text, "c.yaml")
    assert words in str(caught.value)


def test_the_loop_over_rest(own_site: Site) -> None:
    operator, approver, viewer = (own_site.api(name) for name in ("operator", "approver", "viewer"))
    assert viewer.post("/rfcs/3/acknowledge", json={}).status_code == 403
    assert approver.post("/rfcs/3/acknowledge", json={}).json()["acknowledged_by"] == "approver"
    assert operator.post("/rfcs/3/assign", json={"to": "viewer"}).json()["assigned_to"] == "viewer"
    assert operator.post("/rfcs/3/assign", json={"to": "nobody"}).status_code == 404
    assert operator.post("/rfcs/3/snooze", json={"lasts": "99d", "reason": "x"}).status_code == 422
    assert operator.post("/rfcs/3/snooze", json={"lasts": "2h", "reason": "x"}).json()["snooze_reason"] == "x"
    assert operator.post("/findings/1/acknowledge", json={"reason": "x"}).json()["acknowledged_by"] == "operator"
    assert operator.post("/findings/1/assign", json={"to": None}).json()["acknowledged_by"] == "operator"
    assert operator.post("/findings/99/snooze", json={"lasts": "2h", "reason": "x"}).status_code == 404
    assert operator.post("/rfcs/2/acknowledge", json={}).status_code == 409
    before = viewer.get("/precision").json()["periods"][0]
    assert (before["judged"], before["right"], before["precision"]) == (1, 1, 1.0)
    answer = operator.post("/rfcs/1/revert", json={"comment": "not ours", "verdict": "false"})
    assert answer.status_code == 200, answer.text
    after = viewer.get("/precision").json()["periods"][0]
    assert (after["judged"], after["right"], after["precision"]) == (2, 1, 0.5)
    assert approver.post("/rfcs/1/verdict", json={"verdict": "unauthorised"}).json()["verdict_by"] == "approver"
    assert approver.post("/rfcs/1/verdict", json={"verdict": "odd"}).status_code == 422
    assert viewer.get("/rfcs/1/attention").json()["assigned_to"] == "operator"


def test_routing_over_rest(own_site: Site) -> None:
    admin, viewer = own_site.api("admin"), own_site.api("viewer")
    assert viewer.get("/routing").json()["version"] == 0
    document = """
zone: Europe/Berlin
routes:
  - match: {severity: warning, hours: {days: [sat, sun]}}
    page: [page, nowhere]
    escalate_after: 15m
    escalate_to: [digest]
  - digest: {channel: digest, at: "08:00"}
"""
    assert viewer.put("/routing", json={"document": document}).status_code == 403
    made = admin.put("/routing", json={"document": document, "comment": "on call", "after": 0}).json()
    assert (made["version"], made["unknown_channels"]) == (1, ["nowhere"])
    assert admin.put("/routing", json={"document": document, "after": 0}).status_code == 409
    wrong = admin.put("/routing", json={"document": "routes:\n  - pag: x"})
    assert wrong.status_code == 422 and wrong.json()["detail"].startswith("routing.yaml:2:5: routes[0]")
    tried = viewer.post("/routing/test", json={"rfc": 1, "at": "2026-11-28T03:00+01:00"}).json()
    assert tried["pages"] == ["page", "nowhere"] and tried["escalations"] == ["digest after 15m"]
    later = viewer.post("/routing/test", json={"rfc": 1, "at": "2026-11-30T03:00+01:00"}).json()
    assert (later["pages"], later["digests"]) == ([], ["digest at 2026-11-30T07:00+00:00"])
    assert viewer.get("/routing", params={"version": 0}).json()["author"] == "driftline"
    assert admin.post("/channels/page/test", json={}).json()["state"] == "waiting"
    assert "there are: digest, page" in admin.post("/channels/nowhere/test", json={}).json()["detail"]
    assert viewer.post("/channels/page/test", json={}).status_code == 403


def test_maintenance_over_rest(own_site: Site) -> None:
    operator = own_site.api("operator")
    given = {"name": "n", "reason": "r", "ci": ["web*"], "labels": {"role": "web"}}
    assert operator.post("/maintenance", json=given).status_code == 422
    made = operator.post("/maintenance", json={**given, "lasts": "2h"}).json()
    assert (made["state"], made["selector"]) == ("open", {"ci": ["web*"], "labels": {"role": "web"}})
    held = operator.post("/routing/test", json={"rfc": 1}).json()
    assert held["held_by"] == "n"
    assert operator.post("/routing/test", json={"rfc": 1, "severity": "critical"}).json()["held_by"] is None
    assert operator.post(f"/maintenance/{made['id']}/end", json={}).json()["state"] == "over"
    assert operator.post(f"/maintenance/{made['id']}/end", json={}).status_code == 409


def test_the_forms_of_an_rfc(own_site: Site) -> None:
    browser = own_site.browser("operator")
    csrf = csrf_of(browser)
    for path, fields in (
        ("/rfcs/3/acknowledge", {}),
        ("/rfcs/3/assign", {"to": "approver"}),
        ("/rfcs/3/snooze", {"lasts": "4h", "reason": "after lunch"}),
        ("/rfcs/3/verdict", {"verdict": "unauthorised", "comment": "mallory"}),
        ("/findings/1/acknowledge", {"reason": "seen"}),
        ("/findings/1/assign", {"to": ""}),
        ("/findings/1/snooze", {"lasts": "1d", "reason": "it is on its way"}),
        ("/maintenance", {"name": "n", "reason": "r", "trait": "ci", "pattern": "web*, db1", "lasts": "2h"}),
        ("/maintenance/1/end", {}),
    ):
        assert browser.post(path, data=fields).status_code == 403, path
        assert browser.post(path, data={**fields, "csrf": csrf}).status_code == 303, path
    page = browser.get("/rfcs/3").text
    for words in ("by operator", "approver", "after lunch", "unauthorised, says operator: mallory"):
        assert words in page
    chief = own_site.browser("chief")
    fields = {"document": "routes:\r\n  - page: page\r\n", "after": "0", "csrf": csrf_of(chief)}
    assert chief.post("/routing", data=fields).status_code == 303
    assert "version 1, by chief" in chief.get("/routing").text
    with own_site.database.read() as session:
        actions = set(session.exec(select(AuditEntry.action)))
    assert {"rfc.acknowledged", "rfc.assigned", "rfc.snoozed", "rfc.verdict", "finding.snoozed"} <= actions
    assert {"maintenance.added", "maintenance.ended", "routing.changed"} <= actions


def test_the_commands(own_site: Site, tmp_path: Path) -> None:
    run = runner(tmp_path / "profiles.toml")
    profile = f'[profiles.{{0}}]\nurl = "{own_site.url}"\ntoken = "{{1}}"\n'
    text = "".join(profile.format(name, own_site.tokens[name]) for name in ("admin", "operator"))
    (tmp_path / "profiles.toml").write_text(f'default = "admin"\n{text}')
    (tmp_path / "profiles.toml").chmod(0o600)
    (tmp_path / "routing.yaml").write_text(ALL_TO % ("page", "nowhere"))
    done = run("routing", "set", str(tmp_path / "routing.yaml"), "--comment", "why")
    assert done.stdout == "routing v1 is in force\n" and "no server sends to nowhere" in done.stderr
    assert run("routing", "show", "--document").stdout == ALL_TO % ("page", "nowhere")
    assert "page" in run("routing", "test", "1", "--at", "2026-11-28T03:00Z").stdout
    assert "nowhere" in run("routing", "channels").stdout
    assert run("routing", "try", "page").stdout.startswith("msg_")
    assert "cannot be read" in run("routing", "set", str(tmp_path / "none.yaml"), code=1).stderr
    assert (
        "maintenance window 2 is open"
        in run("maintenance", "add", "n", "--reason", "r", "--label", "role=web", "--for", "2h").stdout
    )
    assert "role=web" in run("maintenance", "list").stdout
    assert "is over" in run("maintenance", "end", "2").stdout
    assert "admin" in run("rfc", "acknowledge", "3").stdout
    assert "viewer" in run("rfc", "assign", "3", "--to", "viewer").stdout
    assert "20" in run("rfc", "snooze", "3", "--for", "2h", "--reason", "later").stdout
    assert "late paperwork" in run("rfc", "verdict", "3", "late-paperwork").stdout
    assert run("rfc", "revert", "1", "--verdict", "unauthorised").stdout.startswith("RFC 1 is")
    for words in (("acknowledge", "1", "--reason", "r"), ("assign", "1"), ("snooze", "1", "--reason", "r")):
        run("finding", *words)
    assert "100.0 %" in run("drift", "precision").stdout
    assert json.loads(run("drift", "precision", "--json").stdout)["periods"][1]["judged"] == 3
    assert "page" in run("notification", "list").stdout
    assert "rfc.raised" in run("notification", "events", "--kind", "rfc").stdout


def test_what_waits_for_a_channel_that_nobody_has_is_seen(database: Database) -> None:
    with database.write() as session:
        documents.put(session, "routes: [{page: nowhere}]", "alice", "", 1)
    raised(database, "t", 1000)
    dispatch.route_due(database, 1000)
    late = 1000 + delivering.GIVE_UP_MS + 1
    assert loop.dispatch_due(database, late) > 0
    with database.read() as session:
        assert session.exec(select(Delivery).order_by(col(Delivery.id))).first().state == "failed"  # type: ignore[union-attr]
        assert "no server sends to nowhere" in session.exec(select(Finding.message)).one()
