"""Lists filter, sort and page on the server, and export what a spreadsheet may open."""

import csv
import io
from datetime import UTC, datetime

import pytest
from pydantic import BaseModel
from tests.server.conftest import Site

from driftline_server.lists import Shown, Window, cell, to_csv

LISTS = [
    "/cis", "/drifts?state=all", "/rfcs", "/baselines", "/sources", "/findings", "/people", "/audit",
    "/tokens?all=true", "/join-tokens", "/cis/web1/facts", "/rfc-templates",
    "/audit/keys", "/integrity/runs", "/attestations", "/findings?state=all", "/freezes", "/rules", "/origins",
    "/notifications", "/events", "/channels", "/maintenance?over=true", "/cis/web1/expected", "/rfcs/5/snapshots",
    "/releases", "/waivers", "/cis/web1/software",
]  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
def test_paging_shows_every_row_once(site: Site, path: str) -> None:
    api = site.api("admin")
    joined = path + ("&" if "?" in path else "?")
    whole = api.get(f"{joined}limit=10000").json()
    assert whole["total"] == len(whole["items"])
    step = max(1, whole["total"] // 3)
    parts = [api.get(f"{joined}limit={step}&offset={at}").json() for at in range(0, whole["total"], step)]
    assert [row for part in parts for row in part["items"]] == whole["items"]
    assert all(part["total"] == whole["total"] for part in parts)


@pytest.mark.parametrize("path", LISTS)
def test_csv_has_the_same_rows(site: Site, path: str) -> None:
    api = site.api("admin")
    joined = path + ("&" if "?" in path else "?")
    answer = api.get(f"{joined}limit=10000&format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="')
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    items = api.get(f"{joined}limit=10000").json()["items"]
    assert len(rows) == len(items) == int(answer.headers["x-total-count"])
    if items:
        spread = ("labels", "fields") if path.startswith("/cis") else ()  # these have a column for each key
        columns = [name for name in rows[0] if not name.startswith(("label.", "field."))]
        assert columns == [name for name in items[0] if name not in spread]


@pytest.mark.parametrize(
    ("path", "sort", "key"),
    [
        ("/cis", "name", "name"),
        ("/cis", "open_drifts", "open_drifts"),
        ("/cis", "last_seen", "last_seen"),
        ("/drifts?state=all", "observed", "observed"),
        ("/rfcs", "number", "number"),
        ("/rfcs", "cis", "cis"),
        ("/baselines", "name", "name"),
        ("/sources", "hostname", "hostname"),
        ("/audit", "id", None),
        ("/audit", "at", "at"),
        ("/people", "name", "name"),
        ("/releases", "name", "name"),
    ],
)
def test_sorting(site: Site, path: str, sort: str, key: str | None) -> None:
    api = site.api("admin")
    joined = path + ("&" if "?" in path else "?")
    answer = api.get(f"{joined}sort={sort}")
    if key is None:
        assert answer.status_code == 422
        return
    up = [row[key] for row in answer.json()["items"]]
    down = [row[key] for row in api.get(f"{joined}sort=-{sort}").json()["items"]]
    assert up == sorted(up) and down == sorted(up, reverse=True) and len(set(up)) > 1


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/cis?q=WEB", ["web1", "web2"]),
        ("/cis?q=%25", []),
        ("/cis?environment=production", ["web1", "web2"]),
        ("/cis?label=role%3Dweb", ["web1", "web2"]),
        ("/cis?label=role%3Ddb", []),
        ("/cis?owner=Web team&drifting=true", ["web1", "web2"]),
        ("/cis?drifting=true", ["db1", "web1", "web2"]),
        ("/cis?status=retired", []),
        ("/baselines?q=GOLD", ["golden"]),
        ("/baselines?state=draft", []),
    ],
)
def test_filters(site: Site, path: str, names: list[str]) -> None:
    assert [row["name"] for row in site.api("viewer").get(path).json()["items"]] == names


def test_drift_filters(site: Site) -> None:
    def paths(query: str) -> set[str]:
        return {row["path"] for row in site.api("viewer").get(f"/drifts?{query}").json()["items"]}

    assert paths("match=software.packages[dpkg/sl*]") == {"software.packages[dpkg/sl/amd64]"}
    assert paths("match=software.**&match=os.**&state=all") == paths("state=all")
    assert paths("ci=db1&state=accepted") == {"os.sysctls[kernel.sysrq].value"}
    assert paths("rfc=1") == {"software.packages[dpkg/sl/amd64]"}
    assert paths("q=ip_forward") == {"os.sysctls[net.ipv4.ip_forward].value"}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_formulas_are_quoted(text: str) -> None:
    assert cell(text) == f"'{text}"


def test_cells() -> None:
    when = datetime(2026, 11, 24, 5, 58, tzinfo=UTC)
    assert [cell(v) for v in (None, True, -5, 1.5, when, "a", ["a", "b"], {"x": 1})] == [
        "", "true", -5, 1.5, "2026-11-24T05:58:00Z", "a", '["a", "b"]', '{"x": 1}',
    ]  # fmt: skip


def test_csv_survives_anything() -> None:
    class Row(BaseModel):
        text: str
        number: int

    texts = ['say "hi", all', "two\nlines", "ünï", "plain"]
    out = to_csv([Row(text=text, number=-1) for text in texts])
    assert [row["text"] for row in csv.DictReader(io.StringIO(out, newline=""))] == texts


def test_an_owner_that_is_a_formula(own_site: Site) -> None:
    own_site.api("operator").patch("/cis/web1", json={"owner": "=HYPERLINK(1)"}).raise_for_status()
    rows = csv.DictReader(io.StringIO(own_site.api("viewer").get("/cis?format=csv&q=web1").text))
    assert next(rows)["owner"] == "'=HYPERLINK(1)"


def test_links_of_a_list() -> None:
    shown: Shown[str] = Shown(["a"] * 50, 120, Window(50, 50, "-name"), "/cis", {"q": "a&b", "status": None})
    assert shown.url() == "/cis?q=a%26b&sort=-name"
    assert shown.sort_url("name") == "/cis?q=a%26b&sort=name"
    assert shown.before_url == "/cis?q=a%26b&sort=-name"
    assert shown.next_url == "/cis?q=a%26b&sort=-name&offset=100"
    assert shown.export_url("csv") == "/api/v1/cis?q=a%26b&sort=-name&format=csv&limit=10000"
    assert (shown.first, shown.last) == (51, 100)


def test_software_is_listed_with_package_urls_and_products(site: Site) -> None:
    api = site.api("admin")
    found = api.get("/cis/web1/software?limit=10000").json()["items"]
    packages = [row for row in found if row["path"].startswith("software.packages")]
    assert packages
    assert all(row["purl"].startswith("pkg:") and row["title"] and row["product"] for row in packages)
    one = packages[0]
    only = api.get("/cis/web1/software", params={"match": one["path"], "limit": 10}).json()["items"]
    assert only == [one]
    page = site.browser("admin").get("/cis/web1/facts", params={"q": one["path"]}).text
    assert one["purl"].replace("&", "&amp;") in page
