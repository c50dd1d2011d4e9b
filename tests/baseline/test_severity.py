"""What root runs, or who may become root, and no package owns, is critical; nothing is ever made milder."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.paths import escape_key
from driftline_baseline.compare import Difference
from driftline_baseline.severity import PLACES, place_of, severity_of
from driftline_baseline.values import Attributes, encode

LINK: Attributes = {"type": "link", "target": "../init.d/npxwyxotyk"}
FILE: Attributes = {"type": "file", "mode": "0755", "digest": "sha256:1"}


def at(path: str, kind: str, before: Attributes | None, attribute: str = "") -> Difference:
    return Difference(f"files.files[{escape_key(path)}]{attribute}", kind, encode(before), None, "warning", "golden v1")


def appeared(path: str) -> Difference:
    return at(path, "unexpected", None)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/init.d/npxwyxotyk",
        "/etc/rc3.d/S01npxwyxotyk",
        "/etc/cron.hourly/udev.sh",
        "/etc/cron.d/x",
        "/var/spool/cron/crontabs/root",
        "/etc/systemd/system/x.service",
        "/etc/systemd/system/multi-user.target.wants/x.service",
        "/etc/systemd/system/ssh.service.d/override.conf",
        "/etc/ld.so.preload",
        "/root/.ssh/authorized_keys",
        "/home/bob/.ssh/authorized_keys2",
        "/etc/sudoers.d/x",
        "/etc/pam.d/common-auth",
        "/etc/profile.d/x.sh",
        "/etc/udev/rules.d/99-x.rules",
        "/etc/initramfs-tools/scripts/init-premount/x",
    ],
)
def test_what_appears_there_without_an_owner_is_critical(path: str) -> None:
    severity, why = severity_of(appeared(path), FILE, None)
    assert severity == "critical"
    assert why.startswith(path) and why.endswith("it appeared and no package owns it")
    assert severity_of(appeared(path), FILE, "a-package") == ("warning", "")


@pytest.mark.parametrize("path", ["/etc/motd", "/etc/init.d", "/etc/init.d.old/x", "/etc/cronx/y", "/srv/etc/init.d/x"])
def test_other_places_are_not(path: str) -> None:
    assert severity_of(appeared(path), FILE, None) == ("warning", "")


def test_a_folder_runs_nothing() -> None:
    assert severity_of(appeared("/etc/systemd/system/x.service.d"), {"type": "directory"}, None) == ("warning", "")


def test_a_link_belongs_to_whom_its_target_belongs() -> None:
    owners = {"/etc/init.d/npxwyxotyk": "a-package"}
    difference = appeared("/etc/rc2.d/S01npxwyxotyk")
    assert severity_of(difference, LINK, None)[0] == "critical"
    assert severity_of(difference, LINK, None, owners.get) == ("warning", "")
    gone = at("/etc/rc2.d/S01npxwyxotyk", "missing", LINK)
    assert severity_of(gone, None, None)[0] == "critical"
    assert severity_of(gone, None, None, owners.get) == ("warning", "")


def test_what_a_package_owns_counts_where_people_decide_what_it_says() -> None:
    changed = at("/etc/sudoers", "changed", None, ".digest")
    assert severity_of(changed, FILE, "sudo") == (
        "critical",
        "/etc/sudoers, which package sudo owns, is who may become root, it changed",
    )
    assert severity_of(at("/etc/crontab", "changed", None, ".digest"), FILE, "cron") == ("warning", "")
    assert severity_of(appeared("/etc/sudoers"), FILE, "sudo") == ("warning", "")


def test_units() -> None:
    new = Difference("services.units[x.service]", "unexpected", None, None, "info", "")
    assert severity_of(new, {"enablement": "enabled"}, None) == (
        "critical",
        "unit x.service appeared and no package owns it",
    )
    assert severity_of(new, {"package": "x"}, None) == ("info", "")
    assert severity_of(new, {"enablement": "generated"}, None) == ("info", "")
    starts = Difference("services.units[x.service].exec_start", "changed", "[]", None, "info", "")
    assert severity_of(starts, {}, None)[0] == "critical"
    words = Difference("services.units[x.service].description", "changed", '"a"', '"b"', "info", "")
    assert severity_of(words, {}, None) == ("info", "")


def test_users_that_are_root() -> None:
    new = Difference("accounts.users[toor]", "unexpected", None, None, "warning", "")
    assert severity_of(new, {"uid": 0}, None)[0] == "critical"
    assert severity_of(new, {"uid": 1000}, None) == ("warning", "")
    moved = Difference("accounts.users[bob].uid", "changed", "1000", "0", "warning", "")
    assert severity_of(moved, {"uid": 0}, None)[0] == "critical"
    shell = Difference("accounts.users[toor].shell", "changed", '"a"', '"b"', "warning", "")
    assert severity_of(shell, {"uid": 0}, None) == ("warning", "")
    root = Difference("accounts.users[root].uid", "changed", None, "0", "warning", "")
    assert severity_of(root, {"uid": 0}, None) == ("warning", "")


def test_members_of_groups_that_may_become_root() -> None:
    joined = Difference("accounts.groups[sudo].members", "changed", '["alice"]', '["alice","bob"]', "warning", "")
    severity, why = severity_of(joined, {"members": ("alice", "bob")}, None)
    assert (severity, why) == ("critical", "bob joined group sudo, whose members may become root")
    left = Difference("accounts.groups[sudo].members", "changed", '["alice","bob"]', '["alice"]', "warning", "")
    assert severity_of(left, {"members": ("alice",)}, None) == ("warning", "")
    other = Difference("accounts.groups[audio].members", "changed", "[]", '["bob"]', "warning", "")
    assert severity_of(other, {"members": ("bob",)}, None) == ("warning", "")


@given(
    st.sampled_from(["info", "warning", "critical"]),
    st.sampled_from(["unexpected", "missing", "changed"]),
    st.sampled_from(
        ["/etc/motd", "/etc/rc.local", "/etc/cron.d/x", *(place.pattern.replace("*", "x") for place in PLACES)]
    ),
    st.sampled_from([None, "a-package"]),
)
def test_it_only_ever_raises(severity: str, kind: str, path: str, owner: str | None) -> None:
    element = f"files.files[{escape_key(path)}]"
    difference = Difference(element, kind, encode(FILE), encode(FILE), severity, "")
    found, why = severity_of(difference, None if kind == "missing" else FILE, owner)
    assert (found, why) == (severity, "") or (found == "critical" and why)


def test_every_place_matches_itself() -> None:
    for place in PLACES:
        found = place_of(place.pattern.replace("**", "x/y").replace("*", "x").replace("?", "1"))
        assert found is not None and found.what == place.what, place
