"""Files that changed together are parted by who made it so: packages, hands, or nobody can tell."""

from hypothesis import given
from hypothesis import strategies as st

from driftline_baseline.ownership import FileChange, Maker, part

OWNERS = {
    "/etc/screenrc": "screen",
    "/etc/init.d/screen-cleanup": "screen",
    "/etc/login.defs": "login",
    "/etc/console-setup/a": "console-setup-linux",
    "/etc/console-setup/b": "console-setup-linux",
    "/etc/console-setup/c": "console-setup-linux",
}
SHELLS = FileChange("/etc/shells", False)
BOOK = FileChange("/etc/.etckeeper", False)
LINK = FileChange("/etc/rcS.d/S17screen-cleanup", True, "../init.d/screen-cleanup")


def makers(*changes: FileChange) -> list[tuple[Maker, set[str]]]:
    return [(made.maker, {change.path for change in made.changes}) for made in part(changes, OWNERS.get)]


def test_an_installed_package_brings_files_links_and_what_its_scripts_write() -> None:
    changes = (FileChange("/etc/screenrc", True), LINK, SHELLS, BOOK)
    assert makers(*changes) == [(Maker.PACKAGE, {change.path for change in changes})]


def test_a_hand_edit_at_the_same_time_is_a_part_of_its_own() -> None:
    edit = FileChange("/etc/motd", False)
    assert makers(FileChange("/etc/screenrc", True), edit) == [
        (Maker.PACKAGE, {"/etc/screenrc"}),
        (Maker.HAND, {"/etc/motd"}),
    ]


def test_one_owned_file_that_changed_in_place_tells_nothing() -> None:
    assert makers(FileChange("/etc/login.defs", False)) == [(Maker.AMBIGUOUS, {"/etc/login.defs"})]


def test_many_files_of_one_package_that_changed_in_place_are_the_package() -> None:
    three = [FileChange(f"/etc/console-setup/{name}", False) for name in "abc"]
    assert makers(*three)[0][0] == Maker.PACKAGE
    assert makers(*three[:2])[0][0] == Maker.AMBIGUOUS
    assert makers(*three, FileChange("/etc/motd", False))[0][0] == Maker.AMBIGUOUS


def test_links_and_scripts_alone_tell_nothing() -> None:
    assert makers(LINK)[0][0] == Maker.AMBIGUOUS
    assert makers(SHELLS)[0][0] == Maker.AMBIGUOUS
    assert makers(BOOK)[0][0] == Maker.AMBIGUOUS


@given(st.lists(st.sampled_from([*OWNERS, "/etc/motd", "/etc/shells", "/etc/.etckeeper"]), unique=True), st.booleans())
def test_no_file_is_lost_or_told_twice(paths: list[str], whole: bool) -> None:
    made = part([FileChange(path, whole) for path in paths], OWNERS.get)
    assert sorted(change.path for item in made for change in item.changes) == sorted(paths)
    assert len([item for item in made if item.maker == Maker.HAND]) <= 1
