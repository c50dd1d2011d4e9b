"""Agent and collector one version apart, either way: what is only read in another way is never a change of the host."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.newer import newer
from tests.support.site import Host, Site, until

FIELD = "os.kernel.flavour"
NAME = "web2"


@pytest.fixture
def host(running: Site, tmp_path: Path) -> Iterator[Host]:
    """A second host whose baseline expects all of it to stay as it is."""
    second = Host(tmp_path, NAME)
    try:
        second.report_to(running)
        until("the second host's CI", lambda: NAME in [ci["name"] for ci in running.json("ci", "list")])
        until("its facts", lambda: facts(running))
        running.baseline(NAME, "golden-web2")
        yield second
    finally:
        second.stop()


def facts(running: Site) -> dict[str, Any]:
    return {fact["path"]: fact["value"] for fact in running.json("ci", "facts", NAME) if "os.kernel." in fact["path"]}


def rfcs(running: Site) -> list[str]:
    return sorted(rfc["title"] for rfc in running.json("rfc", "list"))


def test_each_is_upgraded_alone_and_goes_back(running: Site, host: Host, tmp_path: Path) -> None:
    environment = newer(tmp_path / "newer")

    # A newer agent at the older collector: the field that it does not know is no matter; a change meanwhile is one.
    host.stop_agent()
    host.run("sh", "-c", "echo changed >/etc/motd")
    host.start_agent(environment)
    until("the change by hand is an RFC", lambda: len(rfcs(running)) == 1)
    assert FIELD not in facts(running)
    assert "motd" in rfcs(running)[0]

    # The collector follows: now it sees the field, reads it anew, and says just that.
    running.stop()
    running.environment |= environment
    running.start()
    until("the field arrives", lambda: facts(running).get(FIELD) == "generic")
    titles = until("it is read anew", lambda: (found := rfcs(running)) and len(found) > 1 and found)
    assert sum("anew" in title or "reads" in title for title in titles) == len(titles) - 1, titles

    # The agent goes back: the field is gone again, and that is no change of the host either.
    host.stop_agent()
    host.start_agent({})
    until("the field is gone", lambda: FIELD not in facts(running))
    assert [title for title in rfcs(running) if "reads" not in title and "anew" not in title] == [
        title for title in titles if "motd" in title
    ]
