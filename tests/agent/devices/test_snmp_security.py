"""What SNMPv3 is for: a man in the middle changes nothing, and a device that restarts is believed again."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from tests.support import snmpd

from driftline_agent.devices.snmp import transport
from driftline_agent.devices.snmp.credentials import Auth, Community, Privacy, User
from driftline_agent.devices.snmp.errors import NotInTimeWindow, SnmpError
from driftline_agent.devices.snmp.native import NativeSession
from driftline_agent.devices.snmp.transport import Target
from driftline_agent.devices.snmp.values import Var

SYS_NAME = (1, 3, 6, 1, 2, 1, 1, 5, 0)
NAME = b"agent of the tests"
Change = Callable[[bytes, list[bytes]], bytes]


@pytest.fixture(scope="module")
def agent() -> Iterator[snmpd.Snmpd]:
    with snmpd.serve() as running:
        yield running


@contextmanager
def between(agent: snmpd.Snmpd, change: Change) -> Iterator[int]:
    """Stand between a session and the agent and change answers; `change` is given all answers so far too."""
    here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    there = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    here.bind(("127.0.0.1", 0))
    there.connect(("127.0.0.1", agent.port))
    here.settimeout(0.1)
    there.settimeout(2)
    stopping = threading.Event()
    seen: list[bytes] = []

    def run() -> None:
        while not stopping.is_set():
            try:
                question, sender = here.recvfrom(65535)
                there.send(question)
                answer = there.recv(65535)
            except TimeoutError:
                continue
            seen.append(answer)
            here.sendto(change(answer, seen), sender)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield here.getsockname()[1]
    finally:
        stopping.set()
        thread.join()
        here.close()
        there.close()


def ask(port: int, name: str, user: User) -> list[Var]:
    async def run() -> list[Var]:
        session = await transport.connect(Target("127.0.0.1", user, port), name)
        session.timeout_s = 1
        try:
            return await session.get([SYS_NAME])
        finally:
            await session.close()

    return asyncio.run(run())


def forged(answer: bytes, _seen: list[bytes]) -> bytes:
    return answer.replace(NAME, b"someone else, sure")


def last_byte(answer: bytes, seen: list[bytes]) -> bytes:
    return answer if len(seen) < 2 else answer[:-1] + bytes((answer[-1] ^ 1,))


def unsigned(answer: bytes, _seen: list[bytes]) -> bytes:
    """Clear msgFlags: an answer that says it is neither signed nor encrypted."""
    at = answer.find(b"\x04\x01", 10)
    return answer[: at + 2] + b"\0" + answer[at + 3 :] if NAME in answer else answer


@pytest.mark.parametrize("name", ["native", "pysnmp"])
@pytest.mark.parametrize(
    ("user", "change"),
    [
        (snmpd.user(Auth.SHA1), forged),
        (snmpd.user(Auth.SHA256), forged),
        (snmpd.user(Auth.SHA1), unsigned),
        (snmpd.user(Auth.SHA256, Privacy.AES128), last_byte),
        (snmpd.user(Auth.MD5, Privacy.DES), last_byte),
    ],
)
def test_a_changed_answer_is_not_believed(agent: snmpd.Snmpd, name: str, user: User, change: Change) -> None:
    with between(agent, lambda answer, _: answer) as port:
        assert ask(port, name, user)[0].data == NAME
    with between(agent, change) as port, pytest.raises(SnmpError):
        ask(port, name, user)


def test_clocks_are_followed_and_what_is_old_is_refused(agent: snmpd.Snmpd) -> None:
    async def run() -> None:
        session = await transport.connect(Target("127.0.0.1", snmpd.user(Auth.SHA1), agent.port))
        assert isinstance(session, NativeSession) and session._security
        assert session.engine_id is None
        await session.get([SYS_NAME])
        assert session.engine_id
        # as after a restart of the device, which then says what its time is
        session._security._set_clock(0, 5)
        assert (await session.get([SYS_NAME]))[0].data == NAME
        # a device that was ahead: its answers of now are from before
        session._security._set_clock(100, 5)
        with pytest.raises(NotInTimeWindow, match="from before"):
            await session.get([SYS_NAME])
        await session.close()

    asyncio.run(run())


def test_secrets_are_in_no_representation() -> None:
    user = User("reader", Auth.SHA1, "secret of auth", Privacy.AES128, "secret of privacy")
    shown = [repr(user), str(user), repr(Target("h", user)), repr(Community(2, "secret community"))]
    assert not [text for text in shown if "secret" in text]
    with pytest.raises(ValueError, match="at least 8 characters") as caught:
        User("reader", Auth.SHA1, "short7!")
    assert "short7!" not in str(caught.value)
    with pytest.raises(ValueError, match="privacy needs an authentication protocol"):
        User("reader", privacy=Privacy.AES128, privacy_passphrase="12345678")


def test_polling_imports_no_pysnmp() -> None:
    only_native = (
        "import sys, driftline_agent.devices.snmp.native, driftline_agent.devices.snmp.walk;"
        "print([name for name in sys.modules if name.startswith('pysnmp')])"
    )
    found = subprocess.run([sys.executable, "-c", only_native], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
