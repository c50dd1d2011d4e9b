"""Configuration files of a CI: their texts over time, and how they differ.

Secrets are taken out on the host, by rules, and no rules know every secret. So texts are for operators and approvers;
who may only view sees digests.
"""

from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlmodel import Session

from driftline_baseline.file_content import digests_of
from driftline_cmdb import file_history
from driftline_cmdb.errors import NotFound
from driftline_cmdb.file_history import Diff, Version
from driftline_cmdb.tables.cis import Ci
from driftline_server.times import moment, moment_or_none

#: Role that sees texts.
ROLE = "operator or approver"


class FileVersion(BaseModel):
    """A content that a file had."""

    path: str
    digest: str | None
    since: datetime
    until: datetime | None
    #: None where there is none.
    text: str | None
    #: Why there is none.
    withheld: str | None
    #: Secrets in it are replaced by marks.
    redacted: bool


class FileVersions(BaseModel):
    """The contents that a file had, the latest first."""

    items: list[FileVersion]


class FileDiff(BaseModel):
    """How two contents of a file differ."""

    path: str
    before: str | None
    after: str | None
    #: Unified, a line an entry; None where it cannot be told.
    lines: list[str] | None
    #: Why not.
    why: str | None


def shown(path: str, version: Version) -> FileVersion:
    """Return a version as it is shown."""
    text = version.text
    missing = "the agent did not send a text" if text is None else text.withheld or None
    return FileVersion(
        path=path,
        digest=version.digest,
        since=moment(version.since_ms),
        until=moment_or_none(version.until_ms),
        text=None if text is None else text.text,
        withheld=None if text is not None and text.text is not None else missing,
        redacted=text is not None and text.redacted,
    )


def list_versions(session: Session, ci: Ci, path: str) -> list[FileVersion]:
    """Return the contents that a file had, the latest first.

    :raises NotFound: where the CI never had such a file.
    """
    found = file_history.versions(session, ci.id, path)
    if not found:
        raise NotFound(
            f'{ci.name} has and had no file "{path}" on record; driftline ci facts {ci.name} shows its files'
        )
    return [shown(path, one) for one in found]


def version(session: Session, ci: Ci, path: str, at_ms: int | None, digest: str | None) -> FileVersion:
    """Return one content of a file: with a digest, or as it was at a time, now by default.

    :raises NotFound: where there is none.
    """
    for one in file_history.versions(session, ci.id, path):
        if digest is not None:
            if one.digest == digest:
                return shown(path, one)
        elif one.until_ms is None if at_ms is None else one.since_ms <= at_ms < (one.until_ms or at_ms + 1):
            return shown(path, one)
    raise NotFound(f'{ci.name} has no file "{path}" on record {"then" if at_ms else "now"}; it may have had one before')


def diff(session: Session, ci: Ci, path: str, before: str | None, after: str | None) -> FileDiff:
    """Return how two contents of a file differ: those with these digests, or the last two.

    :raises NotFound: where the CI never had such a file.
    """
    if before is None and after is None:
        found = [one for one in file_history.versions(session, ci.id, path) if one.digest is not None]
        if not found:
            raise NotFound(f'{ci.name} has and had no file "{path}" on record')
        after = found[0].digest if found[0].until_ms is None else None
        earlier = found[1:] if after is not None else found
        before = earlier[0].digest if earlier else None
    return _shown(path, before, after, file_history.diffs(session, ci.id, [(before, after)])[before, after])


def _shown(path: str, before: str | None, after: str | None, found: Diff) -> FileDiff:
    lines = None if found.lines is None else list(found.lines)
    return FileDiff(path=path, before=before, after=after, lines=lines, why=found.why or None)


def of_change(session: Session, ci_id: int, path: str, before: Any, after: Any) -> FileDiff | None:
    """Return how a file's content differs that a drift or an RFC tells of; None where it tells of something else.

    :param before: value of the attribute, or of the whole element; None where it is not there.
    """
    digests = digests_of(path, before, after)
    if digests is None:
        return None
    name, one, two = digests
    return _shown(name, one, two, file_history.diffs(session, ci_id, [(one, two)])[one, two])
