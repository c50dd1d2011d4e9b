"""sshd_config(5): what is read of a configuration is what the real sshd -T says of it (fixtures/sshd/ORIGIN)."""

import re
from pathlib import Path

import pytest

from driftline.v1.facts_pb2 import SshSetting
from driftline_agent.host import Host
from driftline_agent.inventory import read_topic
from driftline_agent.outputs import sshd as output
from driftline_agent.topic import all_topics

FIXTURES = Path(__file__).parents[1] / "fixtures/sshd"
CASES = sorted(path for path in FIXTURES.iterdir() if path.is_dir())
#: Of versions before, which today's sshd does not print.
GONE = {
    "protocol", "useprivilegeseparation", "keyregenerationinterval", "serverkeybits", "rsaauthentication",
    "rhostsrsaauthentication",
}  # fmt: skip
#: What sshd -T writes for what stands in the file, where that is another word for it.
OTHER_WORDS = {
    ("permitrootlogin", "prohibit-password"): "without-password",
    ("listenaddress", "127.0.0.1"): "127.0.0.1:2222",
    ("rekeylimit", "1g 1h"): "1073741824 3600",
    # Put on the end of the built-in list, which is the server's version's.
    ("macs", "+hmac-sha1"): None,
    # The value of a variable may be a secret.
    ("setenv", "a=[redacted]"): None,
    ("setenv", "b=[redacted]"): None,
}
_TIME = re.compile(r"(?:(\d+)m)?(?:(\d+)s?)?")
_TIMES = {"logingracetime", "clientaliveinterval"}


def normal(name: str, value: str) -> str | None:
    value = value.lower()
    if name in _TIMES and (found := _TIME.fullmatch(value)) is not None:
        return str(60 * int(found[1] or 0) + int(found[2] or 0))
    return OTHER_WORDS.get((name, value), value)


def settings_of(case: Path, tmp_path: Path) -> list[SshSetting]:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/ssh").symlink_to(case)
    result = read_topic("sshd", all_topics()["sshd"], Host(str(tmp_path)), bytes(32))
    assert result.reading is not None, result.section.reason
    return list(result.reading.facts.services.ssh_server.settings)


def said(text: str) -> dict[str, list[str]]:
    return {
        setting.name: [value.lower() for value in setting.values]
        for setting in output.parse(text).services.ssh_server.settings
    }


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_as_sshd_has_it(case: Path, tmp_path: Path) -> None:
    theirs = said((case / "sshd-T.txt").read_text())
    ours = {setting.name: list(setting.values) for setting in settings_of(case, tmp_path) if not setting.match}
    assert ours
    for name, values in ours.items():
        if name in GONE:
            continue
        wanted = [normal(name, value) for value in values]
        for value, their in zip(wanted, theirs[name], strict=name != "listenaddress"):
            assert value is None or value == their, name


def test_a_match_block_holds_for_whom_it_names(tmp_path: Path) -> None:
    theirs = said((FIXTURES / "hardened/sshd-T-git.txt").read_text())
    settings = settings_of(FIXTURES / "hardened", tmp_path)
    git = {setting.name: list(setting.values) for setting in settings if setting.match == "User git"}
    assert sorted(git) == ["forcecommand", "passwordauthentication", "permittty"]
    for name, values in git.items():
        assert [value.lower() for value in values] == theirs[name]
    matches = {setting.match for setting in settings}
    assert matches == {"", "User git", "User sftp", "Address 10.0.0.0/8,192.168.0.0/16 User admin"}
    # What follows "Match all" holds always.
    assert [list(setting.values) for setting in settings if setting.name == "x11forwarding"] == [["no"]]
