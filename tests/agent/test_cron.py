"""cron: tables of several crons; a line more moves no other; no secret leaves; by the reader where one is closed."""

from pathlib import Path

import pytest
from tests.agent.test_reader import Start, put, start  # noqa: F401  # a fixture

from driftline.facts import elements, flatten
from driftline.v1.facts_pb2 import Crontab
from driftline_agent.host import Host
from driftline_agent.inventory import read_topic
from driftline_agent.outputs import crontab as output
from driftline_agent.reader import crontab
from driftline_agent.reader.protocol import CRONTAB
from driftline_agent.topic import all_topics
from driftline_agent.topics.cron import build

TABLE = """\
# m h dom mon dow command
SHELL=/bin/bash
MAILTO = "ops@example.org"
 PGPASSWORD='hunter2'
CRON_TZ=Europe/Berlin
*/5 * * * * /usr/local/bin/poll --token=abc
0 3 * * sun,wed cd /srv && ./backup.sh > /dev/null 2>&1
@reboot /usr/local/bin/once
@daily /usr/local/bin/daily
30 4 1,15 * 5 mail -s "It's 10%" root%the secret body%more
0-59/2 0-23 * jan-mar mon-fri /bin/true
~ ~ * * * /bin/random
"""


def jobs(text: str, path: str = "/var/spool/cron/crontabs/alice") -> dict[tuple[str, str], list[str]]:
    found = build(path, crontab.parse(text, *crontab.kind_of(path)))
    return {(job.user, job.command): list(job.schedules) for job in found.jobs}


def test_a_users_table() -> None:
    assert jobs(TABLE) == {
        ("alice", "/usr/local/bin/poll --token=[redacted]"): ["*/5 * * * *"],
        ("alice", "cd /srv && ./backup.sh > /dev/null 2>&1"): ["0 3 * * sun,wed"],
        ("alice", "/usr/local/bin/once"): ["@reboot"],
        ("alice", "/usr/local/bin/daily"): ["@daily"],
        ("alice", "mail -s \"It's 10%[redacted]"): ["30 4 1,15 * 5"],
        ("alice", "/bin/true"): ["0-59/2 0-23 * jan-mar mon-fri"],
        ("alice", "/bin/random"): ["~ ~ * * *"],
    }
    table = build("t", crontab.parse(TABLE, crontab.USER, "alice"))
    assert list(table.environment) == [
        "SHELL=/bin/bash", "MAILTO=ops@example.org", "PGPASSWORD=[redacted]", "CRON_TZ=Europe/Berlin",
    ]  # fmt: skip


def test_the_systems_table_names_users() -> None:
    text = """17 *\t* * *\troot    cd / && run-parts /etc/cron.hourly
-*/15 * * * * nobody /bin/x
@hourly backup /bin/y z
nonsense
* * * *
"""
    assert jobs(text, "/etc/crontab") == {
        ("root", "cd / && run-parts /etc/cron.hourly"): ["17 * * * *"],
        ("nobody", "/bin/x"): ["*/15 * * * *"],
        ("backup", "/bin/y z"): ["@hourly"],
    }


def test_anacrontab() -> None:
    text = """RANDOM_DELAY=45
1\t5\tcron.daily\t\tnice run-parts /etc/cron.daily
@monthly 45 cron.monthly run-parts /etc/cron.monthly
"""
    found = build("/etc/anacrontab", crontab.parse(text, *crontab.kind_of("/etc/anacrontab")))
    assert [(job.identifier, list(job.schedules)) for job in found.jobs] == [
        ("cron.daily", ["1 5"]), ("cron.monthly", ["@monthly 45"]),
    ]  # fmt: skip


def test_a_line_more_moves_no_other() -> None:
    def parts(text: str) -> dict[str, bytes]:
        facts = output.parse(text)
        return {path: element.content for path, element in elements(facts).items() if ".jobs[" in path}

    before = parts(TABLE)
    after = parts(TABLE.replace("@reboot", "5 5 * * * /bin/new\n@reboot"))
    assert before.items() <= after.items() and len(after) == len(before) + 1
    moved = parts(TABLE.replace("0 3 * * sun", "0 4 * * sun"))
    assert moved.keys() == before.keys() and moved != before


def test_one_command_at_two_times_is_one_job() -> None:
    assert jobs("1 1 * * * /bin/a\n2 2 * * * /bin/a\n") == {("alice", "/bin/a"): ["1 1 * * *", "2 2 * * *"]}


def test_a_changed_secret_is_seen_and_not_told(tmp_path: Path) -> None:
    def told(secret: str) -> dict[str, object]:
        put(tmp_path, "etc/crontab", f"1 1 * * * root curl -u bob:{secret} https://x\n")
        result = read_topic("cron", all_topics()["cron"], Host(str(tmp_path / "root")), bytes(32))
        assert result.reading is not None and secret.encode() not in result.section.content
        return dict(flatten(result.reading.facts))

    one, other = told("hunter2"), told("Password123")
    assert one.keys() == other.keys()
    assert [path.rpartition(".")[2] for path in one if one[path] != other[path]] == ["sealed_command"]


def test_the_reader_tells_a_closed_table_without_secrets(start: Start, tmp_path: Path) -> None:  # noqa: F811  # a fixture
    put(tmp_path, "var/spool/cron/crontabs/alice", TABLE)
    content = start().ask(CRONTAB, "/var/spool/cron/crontabs/alice")
    assert content is not None
    for secret in (b"hunter2", b"token=abc", b"secret body"):
        assert secret not in content
    lines = crontab.unpack(content)
    sealed = [line[5] for line in lines if line[0] == "J" and line[5]]
    assert len(sealed) == 2 and all(seal.startswith("sealed:") for seal in sealed)
    without = [line[:5] for line in crontab.parse(TABLE, crontab.USER, "alice")]
    assert [line[:5] for line in lines] == without


@pytest.mark.parametrize(
    "text", ["\0" * 9, "* " * 5000, "@" * 50, "= = =\n" * 50, "\xff * * * * x", '"' * 4000, "a=" * 9000]
)
def test_nonsense_is_no_job(text: str) -> None:
    table = build("t", crontab.parse(text, crontab.USER, "alice"))
    assert isinstance(table, Crontab)
    assert all(len(job.command) <= 300 for job in table.jobs)


def test_names_that_cron_does_not_take(tmp_path: Path) -> None:
    for name in ("ok", "b.dpkg-old", "c~", ".placeholder", "d.sh", "e.rpmsave"):
        put(tmp_path, f"etc/cron.d/{name}", "1 1 * * * root /bin/x\n")
        put(tmp_path, f"etc/cron.daily/{name}", "#!/bin/sh\n").chmod(0o755)

    def names() -> tuple[list[str], list[str]]:
        services = all_topics()["cron"].collect(Host(str(tmp_path / "root"))).facts.services
        tables = [table.path.rpartition("/")[2] for table in services.crontabs]
        return tables, [script.name for script in services.periodic_scripts if script.runs]

    assert names() == (["d.sh", "ok"], ["d.sh", "ok"])
    put(tmp_path, "etc/debian_version", "12.5\n")
    assert names() == (["ok"], ["ok"])


def test_jobs_of_at_are_counted(tmp_path: Path) -> None:
    for name in ("a0000101b5a2c1", "=0000201b5a2c1", ".SEQ", "spool"):
        put(tmp_path, f"var/spool/cron/atjobs/{name}", "")
    assert all_topics()["cron"].collect(Host(str(tmp_path / "root"))).facts.services.at_jobs == 2


def test_many_tables_that_nobody_can_read_are_named_together(tmp_path: Path) -> None:
    folder = tmp_path / "root/etc/cron.d"
    folder.mkdir(parents=True)
    for number in range(60):
        (folder / f"link{number}").symlink_to(tmp_path)  # a folder: no table
    reading = all_topics()["cron"].collect(Host(str(tmp_path / "root")))
    assert list(reading.unreadable) == ["services.crontabs"]
    assert reading.unreadable["services.crontabs"].endswith("is a directory; and 59 more")
