"""A page has a budget of SQL queries: lists must not ask once a row.

The budgets are in `query_budget.json`, written anew by one command:

    DRIFTLINE_REWRITE=1 pytest tests/server/test_budget.py
"""

import json
import os
from pathlib import Path

import pytest
from sqlalchemy import event
from tests.server.conftest import Site
from tests.server.test_contracts import NAMES, ROUTES
from tests.server.test_pages import PAGES

BUDGET = Path(__file__).with_name("query_budget.json")


def questions(site: Site, cookie: str, path: str) -> int:
    """Return how many statements a page takes."""
    count = 0

    def on_execute(*_arguments: object) -> None:
        nonlocal count
        count += 1

    browser = site.stranger()
    browser.cookies.set("driftline_session", cookie)
    event.listen(site.database.engine, "before_cursor_execute", on_execute)
    try:
        answer = browser.get(path)
        assert answer.status_code in (200, 422), answer.text
    finally:
        event.remove(site.database.engine, "before_cursor_execute", on_execute)
    return count


@pytest.fixture(scope="module")
def found(site: Site) -> dict[str, int]:
    """Statements of every page and every reading route."""
    cookie = site.browser("admin").cookies["driftline_session"]
    # What the process keeps of the baselines in force is read by whatever asks first, in this run or before it
    questions(site, cookie, "/baselines/coverage")
    routes = [path.format(**NAMES) for method, path, _ in ROUTES if method == "GET"]
    return {path: questions(site, cookie, path) for path in [*PAGES, *sorted(routes)]}


def test_budget(found: dict[str, int]) -> None:
    if os.environ.get("DRIFTLINE_REWRITE"):
        BUDGET.write_text(json.dumps(found, indent=2) + "\n")
    assert found == json.loads(BUDGET.read_text()), "a page asks more or less than it did; see this file's docstring"


def test_a_list_does_not_ask_once_a_row(site: Site) -> None:
    cookie = site.browser("admin").cookies["driftline_session"]
    for path in (
        "/cis",
        "/drifts",
        "/rfcs",
        "/baselines",
        "/sources",
        "/audit",
        "/releases",
        "/devices",
        "/device-speakers",
    ):
        one, many = (questions(site, cookie, f"{path}?limit={limit}") for limit in (1, 50))
        assert one == many, path
