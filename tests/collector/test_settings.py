"""Settings: read whole, or refused with a message that names the setting."""

from pathlib import Path

import pytest

from driftline_collector.errors import SettingsError
from driftline_collector.settings import Address, load

TOML = """
database = "sqlite:////var/lib/driftline/driftline.db"
data = "/var/lib/driftline/collector"
enrol_listen = "[::]:7443"
names = ["collector.example", "192.0.2.1"]
enrol_rate_peer = 5
check_in_max_s = 60
"""


def test_a_file_is_read_and_the_command_line_goes_before_it(tmp_path: Path) -> None:
    path = tmp_path / "collector.toml"
    path.write_text(TOML)
    settings = load(path, {"data": tmp_path, "report_listen": "127.0.0.1:0", "metrics_listen": None})
    assert settings.data == tmp_path
    assert settings.enrol_listen == Address("::", 7443)
    assert str(settings.enrol_listen) == "[::]:7443"
    assert settings.report_listen == Address("127.0.0.1", 0)
    assert settings.metrics_listen == Address("127.0.0.1", 7445)
    assert settings.names == ("collector.example", "192.0.2.1")
    assert settings.enrol_rate_peer == 5.0
    assert settings.check_in_max_s == 60


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("enroll_listen = 'x:1'", "enroll_listen: no such setting"),
        ("report_listen = 'nowhere'", "report_listen"),
        ("report_listen = 'x:99999'", "report_listen"),
        ("report_listen = 7444", "report_listen"),
        ("commit_batch = '50'", "commit_batch"),
        ("commit_batch = 0", "commit_batch: 0 is not above 0"),
        ("commit_batch = true", "commit_batch"),
        ("names = 'x'", "names"),
        ("names = [1]", "names"),
        ("check_in_min_s = 400", "check_in_min_s"),
        ("commit_batch = ", "collector.toml"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, line: str, word: str) -> None:
    path = tmp_path / "collector.toml"
    path.write_text(f'database = "sqlite://"\ndata = "/tmp/x"\n{line}\n')
    with pytest.raises(SettingsError, match=word):
        load(path, {})


def test_what_must_be_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="database: is missing"):
        load(None, {"data": tmp_path})
    with pytest.raises(SettingsError, match=r"absent\.toml"):
        load(tmp_path / "absent.toml", {})
