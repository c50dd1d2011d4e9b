"""Takes pictures of the pages over seeded data: python -m tests.server.pictures DIRECTORY."""

import sys
import tempfile
import time
from pathlib import Path

from tests.server.browser import chromium
from tests.server.conftest import serve, settings_of
from tests.server.seed import seed

from driftline_cmdb.database import Database, migrate

PAGES = {
    "overview": "/",
    "cis": "/cis",
    "ci": "/cis/web1",
    "facts": "/cis/web1/facts",
    "history": "/cis/web1/history",
    "utilization": "/cis/web1/utilization?range=6h",
    "edit": "/cis/web1/edit",
    "drifts": "/drifts",
    "drift": "/drifts/4",
    "rfcs": "/rfcs",
    "rfc": "/rfcs/1",
    "rfc-closed": "/rfcs/2",
    "baselines": "/baselines",
    "baseline": "/baselines/golden",
    "rules": "/rules",
    "rule": "/rules/security",
    "changes": "/changes",
    "integrity": "/integrity",
    "sources": "/sources",
    "join-tokens": "/join-tokens",
    "people": "/people",
    "tokens": "/tokens",
    "audit": "/audit",
    "findings": "/findings",
    "error": "/rfcs/999",
}
SIZES = {"light": (1280, 900), "dark": (1280, 900), "phone": (390, 800)}


def main(directory: Path) -> None:
    """Write every page in every form."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        url = f"sqlite:///{work / 'driftline.db'}"
        migrate(url)
        database = Database(url)
        tokens = seed(database).tokens
        database.close()
        with serve(settings_of(url, work), tokens) as site, chromium(work / "profile") as browser:
            secret = site.browser("admin").cookies["driftline_session"]
            browser.cookie(site.url, "driftline_session", secret)
            for form, (width, height) in SIZES.items():
                browser.size(width, height)
                browser.prefer("dark" if form == "dark" else "light")
                for page, path in PAGES.items():
                    browser.open(site.url + path)
                    time.sleep(0.3)  # plots are drawn after the page is there
                    browser.picture(directory / f"{page}-{form}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
