"""Says in a reading what could not be read whole: rows that may be missing, and values of those that came."""

from collections.abc import Mapping

from driftline_agent.devices.mib import Table
from driftline_agent.topic import Reading


def note_cuts(reading: Reading, path: str, *tables: Table) -> None:
    """Note at an attribute's path why one of the tables that it is made of is not whole; the first reason counts."""
    for table in tables:
        for words in table.cuts.values():
            reading.unreadable.setdefault(path, words)


def note_values(reading: Reading, path: str, cuts: Mapping[str, str], fields: Mapping[str, str]) -> None:
    """Note which values may be missing, of columns or scalars that could not be read.

    :param fields: name of the column or scalar to the field of the message at `path`.
    """
    for column, words in cuts.items():
        if column in fields:
            reading.unreadable.setdefault(f"{path}.{fields[column]}", words)
