"""The pages in a real browser: nothing breaks the policy, lists filter while one types, plots are drawn."""

import json
from collections.abc import Iterator

import pytest
from tests.server.browser import Browser, chromium
from tests.server.conftest import Site
from tests.server.seed import PASSWORD
from tests.server.test_pages import PAGES


@pytest.fixture(scope="module")
def browser(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser that is logged in, by the form."""
    with chromium(tmp_path_factory.mktemp("chromium")) as running:
        running.open(f"{site.url}/login")
        fields = {"name": "admin", "password": PASSWORD}
        for name, value in fields.items():
            running.evaluate(f"document.getElementById({name!r}).value = {value!r}")
        running.evaluate("document.querySelector('form').submit()")
        running.wait("location.pathname === '/' && document.readyState === 'complete'")
        running.complaints.clear()
        yield running


@pytest.mark.parametrize("path", [path for path in PAGES if path != "/login"])
def test_no_page_complains_nor_overflows(site: Site, browser: Browser, path: str) -> None:
    browser.size(390, 800)
    browser.complaints.clear()
    browser.open(site.url + path)
    assert browser.evaluate("document.querySelector('h1').textContent.trim()")
    assert browser.evaluate("document.documentElement.scrollWidth") <= 390, "wider than a phone"
    assert browser.complaints == []


def test_every_area_is_reached_on_a_phone(site: Site, browser: Browser) -> None:
    seen = "[...document.querySelectorAll('nav a')].filter(a => a.checkVisibility()).map(a => a.getAttribute('href'))"
    browser.size(1280, 900)
    browser.open(f"{site.url}/rules/security")
    areas = browser.evaluate(seen)
    assert len(areas) > 8 and browser.evaluate("document.querySelector('nav a[aria-current]').textContent") == "Rules"
    browser.size(390, 800)
    browser.open(f"{site.url}/rules/security")
    assert browser.evaluate(seen) == []
    browser.evaluate("document.querySelector('header details summary').click()")
    browser.wait(f"{seen}.length === {len(areas)}")
    assert browser.evaluate(seen) == areas
    box = "JSON.stringify(document.querySelector('header details nav').getBoundingClientRect())"
    found = json.loads(browser.evaluate(box))
    assert found["left"] >= 0 and found["right"] <= 390 and found["bottom"] <= 800
    assert browser.complaints == []


def test_a_list_filters_while_one_types(site: Site, browser: Browser) -> None:
    browser.size(1280, 900)
    browser.open(f"{site.url}/cis")
    assert browser.evaluate("document.querySelectorAll('#rows tbody tr').length") == 4
    browser.evaluate(
        "(() => { const q = document.querySelector('input[name=q]'); q.focus(); q.value = 'web';"
        " q.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )
    browser.wait("document.querySelectorAll('#rows tbody tr').length === 2")
    browser.wait("location.search.includes('q=web')")
    assert browser.evaluate("document.activeElement.name") == "q"
    assert browser.complaints == []


def test_plots_are_drawn(site: Site, browser: Browser) -> None:
    browser.open(f"{site.url}/cis/web1/utilization")
    browser.wait("document.querySelectorAll('[data-plot] canvas').length >= 6")
    assert "No data" not in browser.evaluate("document.body.innerText")
    assert browser.complaints == []


def test_light_and_dark(site: Site, browser: Browser) -> None:
    scheme = "document.documentElement.dataset.bsTheme"
    for preferred, other in (("dark", "light"), ("light", "dark")):
        browser.evaluate("localStorage.clear()")
        browser.prefer(preferred)
        browser.open(f"{site.url}/rfcs/1")
        assert browser.evaluate(scheme) == preferred
        browser.evaluate("document.querySelector('[data-theme-toggle]').click()")
        assert browser.evaluate(scheme) == other
        browser.open(f"{site.url}/cis")
        assert browser.evaluate(scheme) == other
    browser.evaluate("localStorage.clear()")


def test_the_search_has_a_key(site: Site, browser: Browser) -> None:
    browser.open(f"{site.url}/drifts")
    browser.evaluate("document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '/', bubbles: true}))")
    assert browser.evaluate("document.activeElement.type") == "search"


def test_a_broken_policy_would_be_noticed(site: Site, browser: Browser) -> None:
    browser.open(f"{site.url}/cis")
    browser.evaluate("document.body.setAttribute('style', 'color: red')")
    browser.wait("true")
    assert any("Content Security Policy" in complaint for complaint in browser.complaints)
    browser.complaints.clear()
