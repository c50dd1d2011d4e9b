"""What a run counts: per check, and how much of the record is accurate."""

from dataclasses import asdict, dataclass
from typing import Any, Self

#: Findings that one check may have open; how many deficiencies there are is counted in full.
MOST_FINDINGS = 100


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found in one run."""

    name: str
    meaning: str
    #: False where there was nothing to look at.
    applied: bool
    examined: int = 0
    deficient: int = 0
    #: Of which so many became findings, new or known.
    findings: int = 0
    took_ms: int = 0
    notes: tuple[str, ...] = ()
    #: Why it did not end; its findings stay as they were.
    error: str | None = None

    def plain(self) -> dict[str, Any]:
        """Return it as the record keeps it."""
        return {**asdict(self), "notes": list(self.notes)}

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Self:
        """Return what the record kept."""
        return cls(**{**plain, "notes": tuple(plain["notes"])})


class IdSet:
    """A set of row ids in one bit each: the record may have millions of elements, and all may be damaged."""

    def __init__(self) -> None:
        """Begin empty."""
        self._bits = bytearray()

    def add(self, number: int) -> None:
        """Put an id in."""
        byte = number >> 3
        if byte >= len(self._bits):
            self._bits.extend(bytes(byte + 1 - len(self._bits)))
        self._bits[byte] |= 1 << (number & 7)

    def __contains__(self, number: int) -> bool:
        byte = number >> 3
        return byte < len(self._bits) and bool(self._bits[byte] & 1 << (number & 7))

    def __len__(self) -> int:
        return int.from_bytes(self._bits, "little").bit_count()
