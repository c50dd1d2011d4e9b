"""What has no receipt yet, on disk, in order, bounded.

An entry is a file ``<number>.<kind>``: a request without its stamp. Before it is sent it is written again, stamped,
as ``<number>.<kind>.<sequence>``, so that a retry repeats the same bytes even after a kill -9.

Source: design section 4.
"""

from dataclasses import dataclass
from pathlib import Path

from driftline import late
from driftline.v1.collector_pb2 import Dropped
from driftline_agent import files

SECTIONS, UTILIZATION = "sections", "utilization"
_NAME = late.pattern(r"(\d{12})\.(sections|utilization)(?:\.(\d+))?")
_DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Entry:
    """One report that waits."""

    number: int
    #: sections or utilization.
    kind: str
    #: Sequence number that it was stamped with, or None where it was never sent.
    sequence: int | None
    size: int

    @property
    def name(self) -> str:
        """Its file's name."""
        suffix = "" if self.sequence is None else f".{self.sequence}"
        return f"{self.number:012}.{self.kind}{suffix}"


def waiting(folder: Path) -> int:
    """Return how many reports wait in a folder, without touching it."""
    names = {path.name[:12] for path in folder.glob("[0-9]*") if _NAME.fullmatch(path.name)}
    return len(names)


def dropped(folder: Path) -> Dropped:
    """Return what was dropped and not yet reported."""
    return Dropped.FromString(files.read_private(folder / _DROPPED) or b"")


class Spool:
    """The waiting reports.

    :param folder: made where it does not exist, mode 0700.
    :param limit: bytes that all entries together may take.
    """

    def __init__(self, folder: Path, limit: int = 64 << 20) -> None:
        self._folder = files.private_folder(folder)
        self._limit = limit
        self._entries: dict[int, Entry] = {}
        for path in sorted(self._folder.iterdir()):
            found = _NAME.fullmatch(path.name)
            if found is None:
                if path.name.startswith(".") and path.name.endswith(".new"):
                    path.unlink()  # half written when the power went
                continue
            entry = Entry(int(found[1]), found[2], int(found[3]) if found[3] else None, path.stat().st_size)
            earlier = self._entries.get(entry.number)
            if earlier is not None:  # a stamped one wins over the one that it was made of
                drop, entry = (earlier, entry) if entry.sequence is not None else (entry, earlier)
                (self._folder / drop.name).unlink()
            self._entries[entry.number] = entry
        self._next = max(self._entries, default=0) + 1
        self.dropped = dropped(self._folder)

    def entries(self) -> list[Entry]:
        """Return what waits, oldest first."""
        return [self._entries[number] for number in sorted(self._entries)]

    def read(self, entry: Entry) -> bytes:
        """Return an entry's request."""
        return (self._folder / entry.name).read_bytes()

    def put(self, kind: str, data: bytes) -> Entry:
        """Append a request; drops older ones where the spool would grow too large.

        :raises OSError: where the disk does not take it.
        """
        entry = Entry(self._next, kind, None, len(data))
        self._make_room(len(data))
        files.write_private(self._folder / entry.name, data)
        self._next += 1
        self._entries[entry.number] = entry
        return entry

    def stamp(self, entry: Entry, sequence: int, data: bytes) -> Entry:
        """Replace an entry by its stamped request, durably, and return it."""
        stamped = Entry(entry.number, entry.kind, sequence, len(data))
        files.write_private(self._folder / stamped.name, data)
        if stamped.name != entry.name:
            (self._folder / entry.name).unlink(missing_ok=True)
        self._entries[entry.number] = stamped
        return stamped

    def remove(self, entry: Entry) -> None:
        """Forget an entry: it has its receipt."""
        (self._folder / entry.name).unlink(missing_ok=True)
        self._entries.pop(entry.number, None)

    def drop(self, entry: Entry) -> None:
        """Forget an entry without a receipt, and count it."""
        self.remove(entry)
        if entry.kind == UTILIZATION:
            self.dropped.utilization_batches += 1
        else:
            self.dropped.reports += 1
        self._save_dropped()

    def clear(self) -> None:
        """Forget all that waits, without counting it: it is of another machine, which has it too."""
        for entry in self.entries():
            self.remove(entry)
        self.dropped = Dropped()
        self._save_dropped()

    def reported(self, dropped: Dropped) -> None:
        """Take what the collector now knows to be dropped off the count."""
        if dropped.ByteSize():
            self.dropped.utilization_batches -= min(dropped.utilization_batches, self.dropped.utilization_batches)
            self.dropped.reports -= min(dropped.reports, self.dropped.reports)
            self._save_dropped()

    def _save_dropped(self) -> None:
        files.write_private(self._folder / _DROPPED, self.dropped.SerializeToString())

    def _make_room(self, size: int) -> None:
        """Drop the oldest utilization first, then the oldest sections, never the newest sections."""
        total = sum(entry.size for entry in self._entries.values()) + size
        waiting = self.entries()
        sections = [entry for entry in waiting if entry.kind == SECTIONS]
        for entry in [entry for entry in waiting if entry.kind == UTILIZATION] + sections[:-1]:
            if total <= self._limit:
                return
            self.drop(entry)
            total -= entry.size
