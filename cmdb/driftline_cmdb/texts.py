"""Texts of configuration files: taken in, found again by digest, and forgotten when no element names the digest."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import zstandard
from sqlalchemy import delete, func, or_, select, update
from sqlmodel import Session, col

from driftline import facts
from driftline.v1 import collector_pb2
from driftline_cmdb.database import Database
from driftline_cmdb.errors import Invalid
from driftline_cmdb.intern import insert_ignoring
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables._columns import table_of
from driftline_cmdb.tables.elements import Element, Path
from driftline_cmdb.tables.texts import FileText

#: Bounds on one text, on those of one call, and on what one source may have the record keep.
MAX_TEXT = 256 << 10
MAX_TEXTS, MAX_OFFERED, MAX_TOTAL = 256, 2_000, 2 << 20
MAX_OF_SOURCE = 50_000
#: A text that no element names is forgotten so long after it came: its section may still be on its way.
KEPT_MS = 7 * 86_400_000

_PLAIN = re.compile(r"[0-9a-f]{64}")
_DIGEST = re.compile(r"[0-9a-f]{64}|sealed:[0-9a-f]{1,16}:[0-9a-f]{64}")
_TEXT = table_of(FileText)


@dataclass(frozen=True, slots=True)
class PreparedText:
    """A text that passed every check."""

    digest: str
    shared: bool
    #: zstd; None where it is withheld.
    content: bytes | None
    withheld: str
    redacted: bool
    rules: int
    size: int


@dataclass(frozen=True, slots=True)
class Text:
    """What is known of the text of one digest."""

    digest: str
    #: None where there is none; `withheld` may say why.
    text: str | None
    withheld: str
    redacted: bool


def check_digests(digests: Sequence[str]) -> None:
    """Check what an agent offers.

    :raises Invalid: where it is too much, or no digest.
    """
    if len(digests) > MAX_OFFERED:
        raise Invalid(f"offered: {len(digests)} are more than {MAX_OFFERED}; offer them in parts")
    for digest in digests:
        if not _DIGEST.fullmatch(digest):
            raise Invalid(f"offered: {digest[:80]!r} is no digest of a file")


def prepare_texts(texts: Sequence[collector_pb2.FileText]) -> list[PreparedText]:
    """Check texts, and pack them.

    :raises Invalid: where one is over a bound, or is not the text of its digest; the message names it.
    """
    if len(texts) > MAX_TEXTS:
        raise Invalid(f"texts: {len(texts)} are more than {MAX_TEXTS}; send them in parts")
    total = 0
    out: dict[str, PreparedText] = {}
    for text in texts:
        name = f"texts[{text.digest[:80]}]"
        if not _DIGEST.fullmatch(text.digest):
            raise Invalid(f"texts.digest: {text.digest[:80]!r} is no digest of a file")
        if len(text.withheld) > 500 or "\0" in text.withheld:
            raise Invalid(f"{name}.withheld: is longer than 500 characters, or has a NUL character")
        if text.rules >= 2**31:
            raise Invalid(f"{name}.rules: {text.rules} is no revision")
        data = text.text.encode()
        total += len(data)
        if len(data) > MAX_TEXT or total > MAX_TOTAL:
            raise Invalid(f"{name}: over the limit of {MAX_TEXT} bytes a text and {MAX_TOTAL} a call")
        if text.withheld and data:
            raise Invalid(f"{name}: has a text and says why it has none")
        shared = not (text.redacted or text.withheld) and _PLAIN.fullmatch(text.digest) is not None
        if shared and sha256(data).hexdigest() != text.digest:
            raise Invalid(f"{name}: is not the text of its digest; read the file and send it again")
        content = None if text.withheld else zstandard.compress(data, 6)
        out[text.digest] = PreparedText(
            text.digest, shared, content, text.withheld, text.redacted, text.rules, len(data)
        )
    return [out[digest] for digest in sorted(out)]


def lacking(session: Session, source_id: int, digests: Sequence[str], rules: int) -> list[str]:
    """Return the digests whose text the record lacks, or has by older rules, in the order given."""
    known: set[str] = set()
    for chunk in chunks(sorted(set(digests))):
        query = select(_TEXT.c.digest).where(
            _TEXT.c.digest.in_(chunk),
            or_(_TEXT.c.shared, _TEXT.c.source_id == source_id),
            _TEXT.c.rules >= rules,
        )
        known.update(session.execute(query).scalars())
    return [digest for digest in dict.fromkeys(digests) if digest not in known]


def keep(database: Database, source_id: int, texts: Sequence[PreparedText], now_ms: int) -> None:
    """Keep texts, in a transaction of their own; once more changes nothing.

    Sorted by digest, because PostgreSQL's writers deadlock otherwise.

    :raises Invalid: where a source has more of them than it may.
    """
    if not texts:
        return
    own = [text for text in texts if not text.shared]
    with database.write() as session:
        count = session.execute(
            select(func.count()).select_from(_TEXT).where(_TEXT.c.source_id == source_id)
        ).scalar_one()
        if count + len(texts) > MAX_OF_SOURCE:
            raise Invalid(f"texts: this source has {count} on record; at most {MAX_OF_SOURCE} are kept")
        for chunk in chunks([text.digest for text in own]):
            session.execute(delete(_TEXT).where(_TEXT.c.source_id == source_id, _TEXT.c.digest.in_(chunk)))
        insert_ignoring(session, FileText, [_row(text, source_id, now_ms) for text in texts])
        for text in texts:
            if text.shared:
                newer = (_TEXT.c.digest == text.digest) & _TEXT.c.shared & (_TEXT.c.rules < text.rules)
                session.execute(update(_TEXT).where(newer).values(rules=text.rules))


def _row(text: PreparedText, source_id: int, now_ms: int) -> dict[str, Any]:
    return {
        "digest": text.digest,
        "source_id": source_id,
        "shared": text.shared,
        "content": text.content,
        "withheld": text.withheld,
        "redacted": text.redacted,
        "rules": text.rules,
        "size": text.size,
        "received_ms": now_ms,
    }


def texts_of(session: Session, digests: Collection[str], source_ids: Collection[int]) -> Mapping[str, Text]:
    """Return what is known of the texts of some digests, as these sources may speak for them."""
    found: dict[str, Text] = {}
    for chunk in chunks(sorted(set(digests))):
        query = (
            select(_TEXT)
            .where(_TEXT.c.digest.in_(chunk), or_(_TEXT.c.shared, _TEXT.c.source_id.in_(sorted(source_ids))))
            .order_by(_TEXT.c.shared.desc(), _TEXT.c.id)  # a source's own word counts more
        )
        for row in session.execute(query):
            text = (
                None if row.content is None else zstandard.decompress(row.content, MAX_TEXT).decode("utf-8", "replace")
            )
            found[row.digest] = Text(row.digest, text, row.withheld, row.redacted)
    return found


def prune(database: Database, now_ms: int, kept_ms: int = KEPT_MS) -> int:
    """Forget the texts whose digest no element names any more; return how many.

    Elements stay as long as a holding, a baseline, a drift or an RFC refers to them, and so do their texts.
    """
    with database.read() as session:
        named = set(_named(session))
        query = select(_TEXT.c.id, _TEXT.c.digest).where(_TEXT.c.received_ms < now_ms - kept_ms)
        gone = [id_ for id_, digest in session.execute(query) if digest not in named]
    if gone:
        with database.write() as session:
            for chunk in chunks(gone):
                session.execute(delete(_TEXT).where(_TEXT.c.id.in_(chunk)))
    return len(gone)


def _named(session: Session) -> Iterable[str]:
    query = (
        select(col(Path.text), col(Element.content))
        .join(Path, col(Path.id) == col(Element.path_id))
        .where(col(Path.text).startswith("files.files["))
        .execution_options(yield_per=1000)
    )
    for path, content in session.execute(query):
        attributes = facts.attributes(path, content)
        for name in ("digest", "sealed_digest"):
            if name in attributes:
                yield str(attributes[name])
