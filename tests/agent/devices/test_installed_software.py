"""Names of installed software: name, version, architecture out of one text."""

from hypothesis import given
from hypothesis import strategies as st
from tests.support.tables import table

from driftline_agent.devices.mibs.software_names import packages
from driftline_agent.devices.topics import installed_software


def keys(*names: str) -> list[tuple[str, str, str, str]]:
    return [(one.manager, one.name, one.version, one.architecture) for one in packages(names)]


def test_dpkg() -> None:
    assert keys(
        "adduser_3.134_all", "automake_1:1.16.5-1.3_all", "g++-12_12.2.0-14+deb12u1_amd64", "libc6_2.36-9_i386"
    ) == [
        ("dpkg", "adduser", "3.134", "all"),
        ("dpkg", "automake", "1:1.16.5-1.3", "all"),
        ("dpkg", "g++-12", "12.2.0-14+deb12u1", "amd64"),
        ("dpkg", "libc6", "2.36-9", "i386"),
    ]


def test_rpm() -> None:
    assert keys(
        "bash-5.1.8-6.el9.x86_64", "python3-dnf-plugins-core-4.3.0-5.el9.noarch", "tzdata-2024a-1.el9.noarch"
    ) == [
        ("rpm", "bash", "5.1.8-6.el9", "x86_64"),
        ("rpm", "python3-dnf-plugins-core", "4.3.0-5.el9", "noarch"),
        ("rpm", "tzdata", "2024a-1.el9", "noarch"),
    ]


def test_rpm_without_architecture_and_kernels() -> None:
    found = keys(
        "bash-4.2.46-34.el7", "kernel-3.10.0-1160.el7", "kernel-3.10.0-1127.el7", "gcc-4.8.5-44.el7", "gcc-4.8.5-39.el7"
    )
    assert found == [
        ("rpm", "bash", "4.2.46-34.el7", ""),
        ("rpm", "kernel", "3.10.0-1160.el7", "@3.10.0-1160.el7"),
        ("rpm", "kernel", "3.10.0-1127.el7", "@3.10.0-1127.el7"),
        ("rpm", "gcc", "4.8.5-44.el7", "@4.8.5-44.el7"),
        ("rpm", "gcc", "4.8.5-39.el7", "@4.8.5-39.el7"),
    ]


def test_what_no_manager_named_stays_as_it_is() -> None:
    assert keys("7-Zip 19.00 (x64)", "Some-Tool-1.0-2", "Microsoft Edge") == [
        ("hr", "7-Zip 19.00 (x64)", "", ""),
        ("hr", "Some-Tool-1.0-2", "", ""),
        ("hr", "Microsoft Edge", "", ""),
    ]


def test_a_strange_row_among_packages() -> None:
    assert keys(*(f"p{number}_1.{number}_all" for number in range(9)), "something else")[-1] == (
        "hr",
        "something else",
        "",
        "",
    )


def test_times_only_with_a_zone() -> None:
    said = table(
        installed_software.INSTALLED,
        {
            1: {"hrSWInstalledName": "b_1.0_all", "hrSWInstalledDate": bytes.fromhex("07e9051400000000") + b"+\0\0"},
            2: {"hrSWInstalledName": "a_1.0_all", "hrSWInstalledDate": bytes.fromhex("07e9051400000000")},
            3: {"hrSWInstalledDate": b"junk"},
            4: {"hrSWInstalledName": "a_1.0_all"},
        },
    )
    found = installed_software.parse(said)
    assert [(one.name, one.installed_at) for one in found] == [("a", 0), ("b", 1747699200)]


@given(st.lists(st.text(max_size=30) | st.from_regex(r"[a-z]+[-_][0-9.]+[-_][a-z0-9]+", fullmatch=True), max_size=12))
def test_whatever_names_are_sent(names: list[str]) -> None:
    assert len(packages(names)) == len(names)
