"""A change that is carried out: split, recorded, verified, backed out, and emergencies, over REST and the CLI."""

from pathlib import Path

from tests.server.conftest import Site
from tests.server.test_cli import stored
from tests.server.test_rfcs import ok, refused, seen


def test_splitting(own_site: Site) -> None:
    operator, approver = own_site.api("operator"), own_site.api("approver")
    found = ok(operator.get("/rfcs/1"))
    names = sorted({delta["ci"]["name"] for delta in found["deltas"]})
    assert len(names) > 1
    refused(operator.post("/rfcs/1/split", json={"cis": ["nobody*"]}), 404, '"nobody*" means no CI')
    refused(operator.post("/rfcs/1/split", json={"cis": names}), 422, "nothing would be left of it")
    part = ok(operator.post("/rfcs/1/split", json={"cis": names[:1], "comment": "not like the others"}), 201)
    assert {delta["ci"]["name"] for delta in part["deltas"]} == {names[0]}
    assert {delta["ci"]["name"] for delta in ok(operator.get("/rfcs/1"))["deltas"]} == set(names[1:])
    assert {drift["rfc"] for drift in ok(operator.get("/drifts"))["items"] if drift["ci"]["name"] == names[0]} >= {
        part["number"]
    }
    ok(approver.post(f"/rfcs/{part['number']}/authorise", json=seen(own_site, part["number"])))
    assert ok(operator.get("/rfcs/1"))["state"] == "submitted"


def test_a_change_is_recorded_predicted_and_verified(own_site: Site, tmp_path: Path) -> None:
    operator, approver = own_site.api("operator"), own_site.api("approver")
    span = {"since": "2000-01-01T00:00Z"}
    lines = ok(operator.post("/cis/web1/recording", json=span))["lines"]
    assert any(line["line"].startswith("software.packages[") for line in lines)
    refused(
        operator.post("/cis/web1/recording", json={"since": "2000-01-01T00:00Z", "until": "2000-01-02T00:00Z"}),
        422,
        "nothing has changed on web1",
    )
    shell = stored(own_site, tmp_path / "profiles.toml")
    printed = shell("rfc", "record", "web1", "--since", "2000-01-01T00:00Z").stdout.splitlines()
    assert printed == [line["line"] for line in lines]
    window = {"start": "2100-01-01T10:00Z", "end": "2100-01-01T11:00Z"}
    wave = {"ci": "web*", "path": "software.packages[dpkg/*/*].version", "kind": "upgrade", "origin": "nowhere"}
    plan = {"title": "a wave", "predictions": [wave], **window}
    refused(operator.post("/rfcs", json=plan), 422, 'nothing is known of "nowhere"')
    wave["origin"] = None  # type: ignore[assignment]  # JSON
    refused(operator.post("/rfcs", json={"title": "a wave", "predictions": [wave]}), 422, "needs a window with an end")
    number = ok(operator.post("/rfcs", json=plan), 201)["number"]
    ok(approver.post(f"/rfcs/{number}/authorise", json={**seen(own_site, number), "despite_conflicts": True}))
    found = ok(operator.get(f"/rfcs/{number}/verification"))
    assert found["total"] == len(found["hosts"]) == 2 and f"of {found['total']} reporting" in found["text"]
    assert ok(operator.get(f"/rfcs/{number}/verification", params={"status": "failed"}))["hosts"] == []
    assert ok(operator.get(f"/rfcs/{number}/snapshots"))["total"] == found["total"]
    assert found["text"] in shell("rfc", "verify", str(number)).stdout
    assert "VERSION OF THE CI" in shell("rfc", "snapshots", str(number)).stdout


def test_back_out_plans(own_site: Site, tmp_path: Path) -> None:
    plan = ok(own_site.api("viewer").get("/rfcs/1/back-out-plan"))
    assert "apt-get purge sl" in plan["text"] and not plan["drafted"] and plan["left"] == []
    shell = stored(own_site, tmp_path / "profiles.toml")
    assert shell("rfc", "back-out-plan", "1").stdout.strip() == plan["text"].strip()


def test_emergencies(own_site: Site, tmp_path: Path) -> None:
    operator, approver = own_site.api("operator"), own_site.api("approver")
    wanted = {"cis": ["web[1-2]"], "lasts": "2h", "incident": "INC123"}
    refused(operator.post("/emergencies", json={**wanted, "lasts": "3d"}), 422, "lasts for up to 24 hours")
    refused(own_site.api("viewer").post("/emergencies", json=wanted), 403, "operator")
    made = ok(operator.post("/emergencies", json=wanted), 201)
    assert (made["kind"], made["state"], made["requester"]) == ("emergency", "implementing", "operator")
    assert ok(operator.get(f"/rfcs/{made['number']}/snapshots"))["total"] == 2
    refused(operator.post(f"/rfcs/{made['number']}/close", json={"review": "fine"}), 403, "authorise it first")
    done = ok(approver.post(f"/rfcs/{made['number']}/authorise", json=seen(own_site, made["number"])))
    assert done["state"] == "implementing"
    shell = stored(own_site, tmp_path / "profiles.toml")
    said = shell("rfc", "emergency", "--hosts", "web1", "--for", "1h", "--incident", "INC124").stdout
    assert "Emergency on web1: INC124" in said and "someone else approves what you did" in said
