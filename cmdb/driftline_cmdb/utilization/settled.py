"""What the stored forms of one hour say together: readers and the compactor share this, so their answers agree."""

from typing import NamedTuple

from driftline_cmdb.errors import Invalid
from driftline_cmdb.utilization import chunks, hours
from driftline_cmdb.utilization.minutes import Minutes, Wanted, everything
from driftline_cmdb.utilization.stored import Stored
from driftline_cmdb.utilization.windows import Windows


class Settled(NamedTuple):
    """One hour of one source."""

    #: None where its minutes are not kept any more.
    groups: list[chunks.Group] | None
    summary: hours.Summary
    histograms: hours.Histograms


def groups_of(stored: Stored, wanted: Wanted = everything) -> list[chunks.Group]:
    """Return the minutes of chunk and fragments; a fragment replaces the same minute of the chunk.

    :param wanted: tells whether a metric is needed; others may come too.
    :raises Invalid: where something is damaged; the message names the source and the hour.
    """
    try:
        if stored.chunk is not None and not stored.fragments:
            return chunks.decode(stored.chunk, stored.hour, wanted)
        minutes = Minutes()
        if stored.chunk is not None:
            chunks.add_groups(minutes, chunks.decode(stored.chunk, stored.hour))
        for id_, data in stored.fragments:
            _add(minutes, id_, data)
    except Invalid as error:
        raise _named(stored, error) from error
    return chunks.groups_of(minutes, stored.hour)


def settle(stored: Stored) -> Settled:
    """Return the whole hour; all parts of `stored` must have been read, histograms where they are needed.

    :raises Invalid: where something is damaged; the message names the source and the hour.
    """
    if stored.chunk is not None or stored.summary is None:
        groups = groups_of(stored)
        return Settled(groups, *hours.summarise(groups))
    try:
        summary = hours.decode_summary(stored.summary)
        histograms: hours.Histograms = {key: {} for key in summary}
        if stored.histograms is not None:
            histograms = hours.decode_histograms(stored.histograms, stored.summary)
        late = Minutes()
        for id_, data in stored.fragments:
            _add(late, id_, data)
    except Invalid as error:
        raise _named(stored, error) from error
    new = hours.without_known(late, summary, stored.hour)
    return Settled(None, *hours.combine((summary, histograms), hours.summarise(chunks.groups_of(new, stored.hour))))


def settle_part(stored: Stored, windows: Windows) -> Settled:
    """Return the minutes of an hour in which the source spoke; nothing where its minutes are not kept any more.

    :raises Invalid: where something is damaged; the message names the source and the hour.
    """
    groups = windows.clip(groups_of(stored), stored)
    return Settled(groups, *hours.summarise(groups))


def _add(minutes: Minutes, id_: int, data: bytes) -> None:
    try:
        minutes.add_fragment(data)
    except Invalid as error:
        raise Invalid(f"fragment {id_}: {error}") from error


def _named(stored: Stored, error: Invalid) -> Invalid:
    return Invalid(f"utilization of source {stored.source_id}, hour {stored.hour}: {error}")
