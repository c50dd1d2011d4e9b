"""Why gufo-snmp does not poll here (docs/adr/0006-snmp-transports.md): a change of this is a reason to look again."""

import asyncio

import pytest
from tests.agent.devices.test_snmp_security import between, forged
from tests.support import badsnmp, snmpd
from tests.support.badsnmp import GET_BULK, honest, octets

pytest.importorskip("gufo.snmp", reason="gufo-snmp has no wheel for this platform")

COLUMN = (1, 3, 6, 1, 2, 1, 2, 2, 1, 2)
ROWS = {(*COLUMN, row): octets(b"row") for row in range(1, 31)}


def test_it_believes_a_forged_answer_of_a_user_who_signs() -> None:
    from gufo.snmp import Sha1Key, User
    from gufo.snmp.aio import SnmpSession

    async def run(port: int) -> object:
        user = User("user-SHA", auth_key=Sha1Key(snmpd.AUTH_PASSPHRASE.encode()))
        async with SnmpSession("127.0.0.1", port=port, user=user, timeout=2) as session:
            return await session.get("1.3.6.1.2.1.1.5.0")

    with snmpd.serve() as agent, between(agent, forged) as port:
        assert asyncio.run(run(port)) == b"someone else, sure"


def walked(script: badsnmp.Script) -> list[object]:
    from gufo.snmp.aio import SnmpSession

    async def run(port: int) -> list[object]:
        async with SnmpSession("127.0.0.1", port=port, community="public", timeout=2) as session:
            return [pair async for pair in session.getbulk(".".join(map(str, COLUMN)), 10)]

    with badsnmp.serve(script) as device:
        return asyncio.run(run(device.port))


def test_an_error_is_the_end_of_a_table_to_it() -> None:
    following = badsnmp.table(ROWS)

    def script(request: badsnmp.Request) -> list[bytes]:
        late = request.tag == GET_BULK and request.oids[0] >= (*COLUMN, 10)
        return [request.answer([], status=1) if late else honest(request, following)]

    assert len(walked(script)) == 10  # of 30, and no word


def test_types_are_lost_to_it() -> None:
    values = {(*COLUMN, 1): badsnmp.integer(7), (*COLUMN, 2): badsnmp.integer(7, 0x41), (*COLUMN, 3): b"\x43\x01\x07"}
    found = walked(lambda request: [honest(request, badsnmp.table(values))])
    assert [pair[1] for pair in found] == [7, 7, 7]  # type: ignore[index]  # INTEGER, Counter32, TimeTicks
