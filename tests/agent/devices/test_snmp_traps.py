"""Traps and informs of net-snmp's own programs."""

import asyncio
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.support import snmpd

from driftline_agent.devices.snmp import traps
from driftline_agent.devices.snmp.credentials import Auth, Community, Credential, Privacy, User
from driftline_agent.devices.snmp.errors import DeviceUnreachable
from driftline_agent.devices.snmp.traps import Listener, Rates, Trap
from driftline_agent.devices.snmp.values import Kind, Var

LINK_DOWN = (1, 3, 6, 1, 6, 3, 1, 1, 5, 3)
IF_INDEX = (1, 3, 6, 1, 2, 1, 2, 2, 1, 1)
ENGINE = "80001f8880deadbeef01"
PLAIN = Community(2, "trap-community")
SIGNED = User("signs", Auth.SHA256, "signs its traps")
SEALED = User("seals", Auth.SHA1, "signs its traps", Privacy.AES128, "seals its traps")


def send(folder: Path, port: int, program: str, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MIBS": "", "SNMP_PERSISTENT_DIR": str(folder), "SNMPCONFPATH": str(folder)}
    return subprocess.run(
        [snmpd.program(program), *words[:-1], "-t", "2", "-r", "0", f"127.0.0.1:{port}", *words[-1].split()],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


V2_WORDS = "12345 .1.3.6.1.6.3.1.1.5.3 .1.3.6.1.2.1.2.2.1.1.7 i 7"
V1_WORDS = ".1.3.6.1.4.1.9.1.1 192.0.2.7 2 0 12345 .1.3.6.1.2.1.2.2.1.1.7 i 7"


def user_words(user: User) -> list[str]:
    level = "authPriv" if user.privacy else "authNoPriv"
    words = ["-v3", "-u", user.name, "-l", level, "-a", str(user.auth), "-A", user.auth_passphrase]
    return words + (["-x", str(user.privacy), "-X", user.privacy_passphrase] if user.privacy else [])


async def heard(
    tmp_path: Path, program: str, words: Sequence[str], known: Sequence[tuple[Credential, bytes | None]]
) -> tuple[Trap | None, subprocess.CompletedProcess[str]]:
    port = snmpd.free_port()
    async with traps.listen(known, "127.0.0.1", port) as listener:
        sent = await asyncio.to_thread(send, tmp_path, port, program, words)
        try:
            return await asyncio.wait_for(listener.next(), 5 if sent.returncode == 0 else 0.5), sent
        except TimeoutError:
            return None, sent


CASES: dict[str, tuple[str, list[str], Credential, bytes | None, int, bool]] = {
    "v1": ("snmptrap", ["-v1", "-c", PLAIN.community, V1_WORDS], PLAIN, None, 1, False),
    "v2c": ("snmptrap", ["-v2c", "-c", PLAIN.community, V2_WORDS], PLAIN, None, 2, False),
    "v2c inform": ("snmpinform", ["-v2c", "-c", PLAIN.community, V2_WORDS], PLAIN, None, 2, False),
    "v3": (
        "snmptrap",
        [*user_words(SIGNED), "-e", "0x" + ENGINE, V2_WORDS],
        SIGNED,
        bytes.fromhex(ENGINE),
        3,
        True,
    ),
    "v3 sealed": (
        "snmptrap",
        [*user_words(SEALED), "-e", "0x" + ENGINE, V2_WORDS],
        SEALED,
        bytes.fromhex(ENGINE),
        3,
        True,
    ),
    "v3 inform": ("snmpinform", [*user_words(SEALED), V2_WORDS], SEALED, None, 3, True),
}


@pytest.mark.parametrize("case", CASES)
def test_heard(tmp_path: Path, case: str) -> None:
    program, words, credential, engine_id, version, trusted = CASES[case]
    trap, sent = asyncio.run(heard(tmp_path, program, words, [(credential, engine_id)]))
    assert sent.returncode == 0, sent.stderr  # an inform that nobody acknowledges fails
    assert trap is not None
    assert (trap.source, trap.version, trap.trap, trap.trusted) == ("127.0.0.1", version, LINK_DOWN, trusted)
    assert Var((*IF_INDEX, 7), Kind.INTEGER, 7) in trap.variables
    assert (trap.engine_id is not None) == (version == 3)
    if engine_id:
        assert trap.engine_id == engine_id


REFUSED: dict[str, tuple[str, list[str], Credential]] = {
    "an engine not known": ("snmptrap", [*user_words(SEALED), "-e", "0x" + ENGINE, V2_WORDS], SEALED),
    "another community": ("snmptrap", ["-v2c", "-c", "guessed", V2_WORDS], PLAIN),
    "another passphrase": (
        "snmptrap",
        [*user_words(User("signs", Auth.SHA256, "guessed phrase")), "-e", "0x" + ENGINE, V2_WORDS],
        SIGNED,
    ),
    "an unsigned one of a user who signs": (
        "snmptrap",
        ["-v3", "-u", "signs", "-l", "noAuthNoPriv", "-e", "0x" + ENGINE, V2_WORDS],
        SIGNED,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_not_heard_or_not_trusted(tmp_path: Path, case: str) -> None:
    program, words, credential = REFUSED[case]
    engine_id = bytes.fromhex(ENGINE) if isinstance(credential, User) and case != "an engine not known" else None
    trap, _ = asyncio.run(heard(tmp_path, program, words, [(credential, engine_id)]))
    assert trap is None or not trap.trusted


def test_rates() -> None:
    rates = Rates(each=2, all_=3, sources=2)
    assert [rates.allows("a", 1.0) for _ in range(3)] == [True, True, False]
    assert [rates.allows("b", 1.0) for _ in range(2)] == [True, False]  # all together are at their limit
    assert rates.allows("a", 1.5)
    assert [rates.allows(source, 9.0) for source in "cde"] == [True, True, True]
    assert len(rates._buckets) == 2


def test_a_flood_is_dropped_and_counted(tmp_path: Path) -> None:
    async def run() -> tuple[Listener, int]:
        port = snmpd.free_port()
        async with traps.listen([(PLAIN, None)], "127.0.0.1", port, Rates(each=3, all_=3), queue_size=2) as listener:
            for _ in range(9):
                await asyncio.to_thread(send, tmp_path, port, "snmptrap", CASES["v2c"][1])
            return listener, listener._queue.qsize()

    listener, waiting = asyncio.run(run())
    assert (listener.dropped, waiting) == (7, 2)


def test_a_port_that_is_taken() -> None:
    async def run() -> None:
        port = snmpd.free_port()
        async with traps.listen([], "127.0.0.1", port), traps.listen([], "127.0.0.1", port):
            pass

    with pytest.raises(DeviceUnreachable, match=r"traps on 127\.0\.0\.1 port"):
        asyncio.run(run())
