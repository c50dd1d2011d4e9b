"""Both transports keep the same contract, against a real net-snmp agent."""

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import pytest
from tests.support import snmpd

from driftline_agent.devices.snmp import oids, transport
from driftline_agent.devices.snmp.credentials import Auth, Community, Credential, Privacy, User
from driftline_agent.devices.snmp.errors import (
    DecryptionFailed,
    DeviceUnreachable,
    SecurityError,
    SnmpError,
    SnmpTimeout,
    StatusError,
    UnknownUser,
    UnsupportedRequest,
    WrongDigest,
)
from driftline_agent.devices.snmp.transport import Session, Target
from driftline_agent.devices.snmp.values import Kind, Var
from driftline_agent.devices.snmp.walk import Walker

T = TypeVar("T")
SYSTEM = (1, 3, 6, 1, 2, 1, 1)
SYS_OBJECT_ID, SYS_UPTIME = (*SYSTEM, 2, 0), (*SYSTEM, 3, 0)
SYS_CONTACT, SYS_NAME, SYS_SERVICES = (*SYSTEM, 4, 0), (*SYSTEM, 5, 0), (*SYSTEM, 7, 0)
NOTHING = (*SYSTEM, 99, 0)
IF_ENTRY = (1, 3, 6, 1, 2, 1, 2, 2, 1)
IF_HC_IN = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6)
IP_ADDRESS_ENTRY = (1, 3, 6, 1, 2, 1, 4, 20, 1, 1)
LOAD_FLOAT = (1, 3, 6, 1, 4, 1, 2021, 10, 1, 6, 1)

TRANSPORTS = ("native", "pysnmp")
V2 = Community(2, snmpd.COMMUNITY)
CREDENTIALS = [Community(1, snmpd.COMMUNITY), V2, *snmpd.users()]


@pytest.fixture(scope="module")
def agent() -> Iterator[snmpd.Snmpd]:
    with snmpd.serve("load 12 14 14") as running:
        yield running


def ask(
    agent: snmpd.Snmpd,
    name: str,
    credential: Credential,
    question: Callable[[Session], Awaitable[T]],
    address: str = "127.0.0.1",
    context: str = "",
    timeout_s: float = 5.0,
) -> T:
    async def run() -> T:
        session = await transport.connect(Target(address, credential, agent.port, context), name)
        session.timeout_s = timeout_s
        try:
            return await question(session)
        finally:
            await session.close()

    return asyncio.run(run())


def name_of(credential: Credential) -> str:
    return credential.name if isinstance(credential, User) else f"v{credential.version}"


@pytest.mark.parametrize("name", TRANSPORTS)
@pytest.mark.parametrize("credential", CREDENTIALS, ids=name_of)
def test_every_credential_reads(agent: snmpd.Snmpd, name: str, credential: Credential) -> None:
    got = ask(agent, name, credential, lambda session: session.get([SYS_NAME, NOTHING, SYS_SERVICES]))
    assert got[0] == Var(SYS_NAME, Kind.OCTETS, b"agent of the tests")
    assert (got[1].oid, got[1].kind, got[1].exists) == (NOTHING, Kind.NO_SUCH_OBJECT, False)
    assert got[2] == Var(SYS_SERVICES, Kind.INTEGER, 72)


@pytest.mark.parametrize("name", TRANSPORTS)
def test_types(agent: snmpd.Snmpd, name: str) -> None:
    wanted = {
        SYS_OBJECT_ID: (Kind.OID, tuple),
        SYS_UPTIME: (Kind.TIME_TICKS, int),
        SYS_CONTACT: (Kind.OCTETS, bytes),
        (*IF_ENTRY, 5, 1): (Kind.GAUGE32, int),
        (*IF_ENTRY, 10, 1): (Kind.COUNTER32, int),
        (*IF_HC_IN, 1): (Kind.COUNTER64, int),
        (*IP_ADDRESS_ENTRY, 127, 0, 0, 1): (Kind.IP_ADDRESS, str),
        LOAD_FLOAT: (Kind.FLOAT, float),
        (*IF_ENTRY, 1, 4711): (Kind.NO_SUCH_INSTANCE, type(None)),
    }
    got = ask(agent, name, V2, lambda session: session.get(list(wanted)))
    assert [var.oid for var in got] == list(wanted)
    assert {var.oid: (var.kind, type(var.data)) for var in got} == wanted
    assert got[2].data == b"\xfc"
    assert got[6].data == "127.0.0.1"


@pytest.mark.parametrize("name", TRANSPORTS)
@pytest.mark.parametrize("credential", [Community(1, snmpd.COMMUNITY), V2, snmpd.user()], ids=name_of)
def test_next_and_the_end(agent: snmpd.Snmpd, name: str, credential: Credential) -> None:
    got = ask(agent, name, credential, lambda session: session.get_next([SYSTEM, (2, 5), SYS_NAME]))
    assert [var.oid for var in got] == [(*SYSTEM, 1, 0), (2, 5), (*SYSTEM, 6, 0)]
    assert [var.kind for var in got] == [Kind.OCTETS, Kind.END_OF_MIB_VIEW, Kind.OCTETS]


@pytest.mark.parametrize("name", TRANSPORTS)
def test_bulk_goes_row_by_row_after_the_non_repeaters(agent: snmpd.Snmpd, name: str) -> None:
    got = ask(agent, name, V2, lambda session: session.get_bulk([SYSTEM, (*IF_ENTRY, 1), (*IF_ENTRY, 2)], 1, 2))
    assert [var.oid[:10] for var in got[:3]] == [(*SYSTEM, 1, 0), (*IF_ENTRY, 1), (*IF_ENTRY, 2)]
    assert len(got) == 5


@pytest.mark.parametrize("name", TRANSPORTS)
def test_version_1_has_no_bulk(agent: snmpd.Snmpd, name: str) -> None:
    with pytest.raises(UnsupportedRequest, match="SNMPv1 has no GETBULK"):
        ask(agent, name, Community(1, snmpd.COMMUNITY), lambda session: session.get_bulk([SYSTEM], 0, 2))


@pytest.mark.parametrize("name", TRANSPORTS)
def test_ipv6(agent: snmpd.Snmpd, name: str) -> None:
    got = ask(agent, name, V2, lambda session: session.get([SYS_NAME]), address="::1")
    assert got[0].data == b"agent of the tests"


SECRET = "not the passphrase"
REFUSED: list[tuple[str, Credential, type[SnmpError] | tuple[type[SnmpError], ...]]] = [
    ("community", Community(2, SECRET), SnmpTimeout),
    ("user", User("nobody-knows", Auth.SHA1, SECRET), UnknownUser),
    ("digest", User("user-SHA", Auth.SHA1, SECRET), WrongDigest),
    ("protocol", User("user-SHA", Auth.SHA256, snmpd.AUTH_PASSPHRASE), WrongDigest),
    # A wrong AES key makes noise of the request, and net-snmp drops that without a word
    (
        "privacy",
        User("user-SHA-AES", Auth.SHA1, snmpd.AUTH_PASSPHRASE, Privacy.AES128, SECRET),
        (DecryptionFailed, SnmpTimeout),
    ),
    ("level", User("user-SHA-AES", Auth.SHA1, snmpd.AUTH_PASSPHRASE), (StatusError, SecurityError)),
]


@pytest.mark.parametrize("name", TRANSPORTS)
@pytest.mark.parametrize(("credential", "error"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refusals_have_a_name_and_tell_no_secret(
    agent: snmpd.Snmpd,
    name: str,
    credential: Credential,
    error: type[SnmpError],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(0)
    with pytest.raises(error) as caught:
        ask(agent, name, credential, lambda session: session.get([SYS_NAME]), timeout_s=0.7)
    told = [repr(credential), str(credential), repr(Target("h", credential)), str(caught.value), caplog.text]
    assert not [text for text in told if SECRET in text or snmpd.AUTH_PASSPHRASE in text]


@pytest.mark.parametrize("name", TRANSPORTS)
def test_nobody_listens(name: str) -> None:
    nobody = snmpd.Snmpd(None, snmpd.free_port(), 0)  # type: ignore[arg-type]  # only its port counts
    with pytest.raises((DeviceUnreachable, SnmpTimeout)):
        ask(nobody, name, V2, lambda session: session.get([SYS_NAME]), timeout_s=0.5)


@pytest.mark.parametrize("name", TRANSPORTS)
def test_a_closed_session_says_so(agent: snmpd.Snmpd, name: str) -> None:
    async def closed(session: Session) -> list[Var]:
        await session.close()
        return await session.get([SYS_NAME])

    with pytest.raises(DeviceUnreachable, match="the session is closed"):
        ask(agent, name, V2, closed)


@pytest.mark.parametrize("name", TRANSPORTS)
@pytest.mark.parametrize("credential", [V2, snmpd.user(Auth.SHA256, Privacy.AES128)], ids=name_of)
def test_questions_at_the_same_time(agent: snmpd.Snmpd, name: str, credential: Credential) -> None:
    async def many(session: Session) -> list[list[Var]]:
        return await asyncio.gather(*(session.get([SYS_NAME, SYS_SERVICES]) for _ in range(8)))

    assert [[var.data for var in got] for got in ask(agent, name, credential, many)] == [
        [b"agent of the tests", 72]
    ] * 8


@pytest.mark.parametrize("name", TRANSPORTS)
def test_a_context_the_device_has_not(agent: snmpd.Snmpd, name: str) -> None:
    with pytest.raises(SnmpError):
        ask(agent, name, snmpd.user(Auth.SHA1), lambda session: session.get([SYS_NAME]), context="vlan-7", timeout_s=1)


@pytest.mark.parametrize("name", TRANSPORTS)
@pytest.mark.parametrize(
    "credential",
    [Community(1, snmpd.COMMUNITY), V2, snmpd.user(Auth.SHA512, Privacy.AES256), snmpd.user(Auth.MD5, Privacy.DES)],
    ids=name_of,
)
def test_a_walk_is_what_snmpwalk_tells(agent: snmpd.Snmpd, name: str, credential: Credential) -> None:
    views = (1, 3, 6, 1, 6, 3, 16, 1, 5)  # vacmMIBViews: stays as it is
    words = ["snmpwalk", "-v2c", "-c", snmpd.COMMUNITY, "-On", f"127.0.0.1:{agent.port}", "." + oids.show(views)]
    told = subprocess.run(words, capture_output=True, text=True, check=True, env={**os.environ, "MIBS": ""}).stdout
    names = [oids.parse(line.partition(" ")[0]) for line in told.splitlines() if "No more variables" not in line]
    walk = ask(agent, name, credential, lambda session: Walker(session).subtree(views))
    assert walk.cuts == ()
    assert [var.oid for var in walk.variables] == names
    assert len(names) > 20


@pytest.mark.parametrize("name", TRANSPORTS)
def test_a_known_engine_is_not_asked_for(agent: snmpd.Snmpd, name: str) -> None:
    async def both() -> tuple[bytes | None, list[Var]]:
        first = await transport.connect(Target("127.0.0.1", snmpd.user(Auth.SHA1), agent.port), "native")
        await first.get([SYS_NAME])
        target = Target("127.0.0.1", snmpd.user(Auth.SHA1), agent.port, engine_id=first.engine_id)
        second = await transport.connect(target, name)
        try:
            return second.engine_id, await second.get([SYS_NAME])
        finally:
            await first.close()
            await second.close()

    engine_id, got = asyncio.run(both())
    assert engine_id and got[0].data == b"agent of the tests"


def test_which_transport_and_why() -> None:
    assert transport.choose(Target("h", V2)).name == "native"
    triple = User("u", Auth.SHA1, "12345678", Privacy.TRIPLE_DES, "12345678")
    assert transport.choose(Target("h", triple)) == transport.Choice(
        "pysnmp", "3DES is no protocol of the native transport"
    )
    with pytest.raises(UnsupportedRequest, match="3DES is no protocol"):
        asyncio.run(transport.connect(Target("127.0.0.1", triple), "native"))
