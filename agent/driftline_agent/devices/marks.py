"""Says in a reading what could not be read whole."""

from driftline_agent.devices.mib import Table
from driftline_agent.topic import Reading


def note_cuts(reading: Reading, path: str, *tables: Table) -> None:
    """Note at an attribute's path why one of the tables that it is made of is not whole; the first reason counts."""
    for table in tables:
        for words in table.cuts.values():
            reading.unreadable.setdefault(path, words)
