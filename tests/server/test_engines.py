"""What the API and the pages ask of the record, on SQLite and on PostgreSQL."""

from pathlib import Path

from tests.server.conftest import serve, settings_of
from tests.server.seed import seed
from tests.server.test_contracts import NAMES, ROUTES
from tests.server.test_lists import LISTS

from driftline_cmdb.database import Database


def test_every_question(database: Database, tmp_path: Path) -> None:
    seeded = seed(database)
    with serve(settings_of(database.url, tmp_path), seeded.tokens) as site:
        api = site.api("admin")
        for method, path, _ in ROUTES:
            if method == "GET":
                path = path.removeprefix("/api/v1").format(**NAMES)
                about_file = "/files/" in path  # of which the seed has none: asked for, and not there
                given = (
                    {"file": "/etc/motd"} if about_file else {"before": 1, "after": 1} if path.endswith("/diff") else {}
                )
                answer = api.get(path, params=given)
                assert answer.status_code in ((200, 404) if about_file else (200,)), f"{path}: {answer.text}"
        for path in LISTS:
            refused = api.get(path, params={"sort": "nothing"})
            names = refused.json()["detail"].rpartition("one of ")[2].split(", ") if refused.status_code == 422 else []
            for name in names:
                assert api.get(path, params={"sort": f"-{name}"}).status_code == 200
        assert api.get("/cis", params={"q": "WEB", "label": "role=web", "drifting": True}).json()["total"] == 2
        assert api.get("/drifts", params={"q": "/SL/", "state": "all"}).json()["total"] == 2
        scope = api.get("/rfcs/1").json()["scope"]
        answer = site.api("approver").post("/rfcs/1/authorise", json={"scope": scope, "comment": "fine"})
        assert answer.status_code == 200 and answer.json()["state"] == "closed"
        assert site.api("chief").patch("/cis/db1", json={"labels": {"a": "b"}}).status_code == 200
