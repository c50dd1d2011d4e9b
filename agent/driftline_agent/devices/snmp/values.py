"""What a device answers: an object's name, the type it was sent as, the value."""

from enum import IntEnum
from typing import NamedTuple

#: An object identifier, its sub-identifiers.
Oid = tuple[int, ...]
Data = int | float | bytes | str | Oid | None


class Kind(IntEnum):
    """Types on the wire: the tag of RFC 2578 and RFC 3416, and three of our own above 255."""

    INTEGER = 0x02
    OCTETS = 0x04
    NULL = 0x05
    OID = 0x06
    IP_ADDRESS = 0x40
    COUNTER32 = 0x41
    #: Gauge32, and Unsigned32, which has the same tag.
    GAUGE32 = 0x42
    TIME_TICKS = 0x43
    OPAQUE = 0x44
    COUNTER64 = 0x46
    #: Of RFC 1442, withdrawn, still sent by some.
    UINTEGER32 = 0x47
    NO_SUCH_OBJECT = 0x80
    NO_SUCH_INSTANCE = 0x81
    END_OF_MIB_VIEW = 0x82
    #: Opaque that holds a float or double of net-snmp's NET-SNMP-TC.
    FLOAT = 0x178
    DOUBLE = 0x179
    #: A tag that is not known, or bytes that are not what their tag says.
    UNKNOWN = 0x1FF


#: Values that say there is none.
ABSENT = frozenset({Kind.NO_SUCH_OBJECT, Kind.NO_SUCH_INSTANCE, Kind.END_OF_MIB_VIEW, Kind.NULL})
#: Values that are numbers.
NUMBERS = frozenset(
    {
        Kind.INTEGER,
        Kind.COUNTER32,
        Kind.GAUGE32,
        Kind.TIME_TICKS,
        Kind.COUNTER64,
        Kind.UINTEGER32,
        Kind.FLOAT,
        Kind.DOUBLE,
    }
)


class Var(NamedTuple):
    """A variable of an answer.

    `data` by `kind`: int for integers, counters, gauges and ticks (hundredths of a second); bytes for OCTETS, OPAQUE
    and UNKNOWN; a tuple for OID; text like 192.0.2.1 for IP_ADDRESS; float for FLOAT and DOUBLE; None where there is
    no value.
    """

    oid: Oid
    kind: Kind
    data: Data

    @property
    def exists(self) -> bool:
        """Whether the device has this object."""
        return self.kind not in ABSENT
