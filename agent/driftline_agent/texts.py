"""Texts of configuration files for the collector: which it lacks, and those that are new at once.

A text belongs to a digest, not to a path or a time: it is sent once in a host's life, and never where another host sent
the same file. What is settled (the collector has it, or was told why there is none) is kept in the state folder;
where that is lost, it is offered again and nobody wants it.

Source: collector.proto (OfferTexts), docs/agent.md.
"""

import logging
import time
from collections.abc import Iterable, Mapping
from hashlib import blake2b, sha256
from pathlib import Path
from typing import TYPE_CHECKING

from driftline.v1.collector_pb2 import FileText, OfferTextsRequest
from driftline_agent import files
from driftline_agent.errors import RejectedError, UnreadableError
from driftline_agent.host import Host
from driftline_agent.reader import confidential
from driftline_agent.reader.seals import sealer
from driftline_agent.redaction import RULES
from driftline_agent.transport import Connection

if TYPE_CHECKING:
    from driftline_agent.topics.files import Told

log = logging.getLogger(__name__)

#: Bytes of texts that go with a change, and into one check-in; what is more has its turn later.
MAX_SUBMITTED, MAX_SENT = 256 << 10, 256 << 10
#: Texts that go with a change; texts read, and digests offered, in one check-in.
_FRESH, _READ, _OFFERED, _ROUNDS = 32, 48, 64, 8
#: A collector that does not know the call yet is asked again after so many seconds.
_PAUSE_S = 3600.0
_FILE = "texts"
_SIZE = 16


class Texts:
    """One agent's side. Not safe for several threads: the agent holds its lock around it.

    :param key: seals what stands in a secret's place.
    :param folder: the state folder.
    """

    def __init__(self, host: Host, key: bytes, folder: Path) -> None:
        self._host, self._folder = host, folder
        self._most = host.settings.files_text_bytes
        self._seal = sealer(key)
        self._seen: set[str] | None = None
        #: Digests that are done; the first entry of the file says with which rules and for which epoch.
        self._settled: set[bytes] = set()
        self._head = b""
        #: Could not be read this time; tried again when the file is another.
        self._failed: set[str] = set()
        self._paused_until = 0.0

    def fresh(self) -> list[FileText]:
        """Return the texts of files that the last reading found to be new, so that none is lost between two changes."""
        told = self._told()
        before, self._seen = self._seen, set(told)
        if before is None:
            return []
        out: list[FileText] = []
        size = 0
        for digest in sorted(self._seen - before)[:_FRESH]:
            text = self._read(digest, told[digest])
            if text is not None and size + text.ByteSize() <= MAX_SUBMITTED:
                out.append(text)
                size += text.ByteSize()
        return out

    def exchange(self, connection: Connection, epoch: str) -> bool:
        """Offer what is not settled, and send what is wanted of it, within bounds. Tell whether there was anything.

        :param epoch: of the agent's state: another one may be another collector.
        :raises driftline_agent.errors.TransportError: where the collector cannot be reached.
        """
        told = self._told()
        if not told or time.monotonic() < self._paused_until:
            return False
        self._load(epoch)
        waiting = [digest for digest in told if _short(digest) not in self._settled and digest not in self._failed]
        if not waiting:
            return False
        try:
            self._offer(connection, told, sorted(waiting))
        except RejectedError as error:  # an older collector
            log.info("texts are not wanted", extra={"reason": str(error)})
            self._paused_until = time.monotonic() + _PAUSE_S
        finally:
            self._save(told)
        return True

    def _offer(self, connection: Connection, told: Mapping[str, "Told"], waiting: list[str]) -> None:
        left, size = _READ, 0
        for start in range(0, min(len(waiting), _OFFERED * _ROUNDS), _OFFERED):
            offered = waiting[start : start + _OFFERED]
            reply = connection.offer_texts(OfferTextsRequest(offered=offered, rules=RULES))
            wanted = set(reply.wanted) & set(offered)
            self._settled.update(_short(digest) for digest in offered if digest not in wanted)
            texts: list[FileText] = []
            for digest in sorted(wanted):
                if left <= 0 or size >= MAX_SENT:
                    break
                left -= 1
                text = self._read(digest, told[digest])
                if text is not None:
                    texts.append(text)
                    size += text.ByteSize()
            if texts:
                connection.offer_texts(OfferTextsRequest(texts=texts, rules=RULES))
                self._settled.update(_short(text.digest) for text in texts)
            if left <= 0 or size >= MAX_SENT:
                return

    def _told(self) -> dict[str, "Told"]:
        """Return the files that the last reading told a digest of, by the digest as the facts have it."""
        kept = self._host.kept.get("files")
        if not self._most or kept is None:
            return {}
        return {
            self._seal(digest) if told.sealed and not digest.startswith("sealed:") else digest: told
            for digest, told in kept.texts.items()
        }

    def _read(self, digest: str, told: "Told") -> FileText | None:
        """Return a file's text without secrets, or why there is none; None where the file is another one by now."""
        out = FileText(digest=digest, rules=RULES)
        why = self._withheld(told)
        if why:
            out.withheld = why
            return out
        try:
            found = self._host.text(told.path, self._most)
        except UnreadableError as error:
            log.debug("no text", extra={"reason": str(error)})
            found = None
        if found is None:
            self._failed.add(digest)
            return None
        if not (_of_reader(out, found[0]) if found[1] else self._redacted(out, told, found[0])):
            self._failed.add(digest)
            return None
        return out

    def _withheld(self, told: "Told") -> str:
        if confidential.secret(told.path):
            return "its name says that it is a secret"
        if told.closed and not confidential.told(told.path, self._host.settings.files_text_closed):
            return "it is closed to other users"
        return f"it is larger than {self._most} bytes" if told.size > self._most else ""

    def _redacted(self, out: FileText, told: "Told", content: bytes) -> bool:
        """Fill in a text that this process has read; tell whether it is the one of the digest."""
        from driftline_agent.redaction.text import WithheldError, redact

        digest = sha256(content).hexdigest()
        if out.digest != (self._seal(digest) if told.sealed else digest):
            return False
        try:
            done = redact(told.path, content.decode(), lambda value: self._seal("redacted\0" + value))
            out.text, out.redacted = done.text, done.count > 0
        except UnicodeDecodeError:
            out.withheld = "it is no text"
        except WithheldError as error:
            out.withheld = str(error)
        return True

    # what is settled

    def _load(self, epoch: str) -> None:
        head = blake2b(f"{RULES} {epoch}".encode(), digest_size=_SIZE).digest()
        if head == self._head:
            return
        data = b"" if self._head else files.read_private(self._folder / _FILE) or b""
        parts = [data[at : at + _SIZE] for at in range(0, len(data) - len(data) % _SIZE, _SIZE)]
        self._settled = set(parts[1:]) if parts and parts[0] == head else set()
        self._head = head

    def _save(self, told: Iterable[str]) -> None:
        known = {_short(digest) for digest in told}
        self._settled &= known
        self._failed &= set(told)
        files.write_private(self._folder / _FILE, b"".join((self._head, *sorted(self._settled))))


def _of_reader(out: FileText, answer: bytes) -> bool:
    digest, count, why, text = [*answer.decode("utf-8", "replace").split("\n", 3), "", "", ""][:4]
    if digest != out.digest:
        return False
    if why:
        out.withheld = why
    else:
        out.text, out.redacted = text, count != "0"
    return True


def _short(digest: str) -> bytes:
    return blake2b(digest.encode(), digest_size=_SIZE).digest()
