"""Messages of SNMPv1 and SNMPv2c (RFC 3584), and the answer in any of them."""

from collections.abc import Sequence

from driftline_agent.devices.snmp import ber
from driftline_agent.devices.snmp.transport import Answer
from driftline_agent.devices.snmp.values import Oid

RESPONSE, REPORT = 0xA2, 0xA8


def community_message(
    version: int, community: bytes, tag: int, request_id: int, first: int, second: int, oids: Sequence[Oid]
) -> bytes:
    """Return a request as a message."""
    head = ber.integer(version - 1) + ber.tlv(0x04, community)
    return ber.tlv(0x30, head + ber.pdu(tag, request_id, first, second, oids))


def read_community(data: bytes, version: int) -> tuple[int, Answer]:
    """Return the request-id that a message answers, and the answer.

    The community is not compared: it was never proof of anything, and some devices answer with another one.

    :raises ber.BerError: where it is no answer.
    """
    at, end = ber.element(data, 0, len(data), 0x30)
    number, at = ber.number(data, at, end)
    if number != version - 1:
        raise ber.BerError(f"version {number} instead of {version - 1}")
    at = ber.element(data, at, end, 0x04)[1]
    return read_pdu(data, at, end, RESPONSE)


def read_pdu(data: bytes, at: int, end: int, tag: int) -> tuple[int, Answer]:
    """Return request-id and answer of a PDU.

    :raises ber.BerError: where it is another PDU, or broken.
    """
    at, end = ber.element(data, at, end, tag)
    request_id, at = ber.number(data, at, end)
    status, at = ber.number(data, at, end)
    index, at = ber.number(data, at, end)
    at, end = ber.element(data, at, end, 0x30)
    return request_id, Answer(status, index, ber.variables(data, at, end))
