"""Texts on record: whose word counts for which host, what is wanted, what is forgotten."""

import hashlib

import pytest
from tests.cmdb.test_reports import NOW, add_source, report, section

from driftline.v1.collector_pb2 import FileText
from driftline.v1.facts_pb2 import Facts
from driftline_cmdb import texts
from driftline_cmdb.database import Database
from driftline_cmdb.errors import Invalid
from driftline_cmdb.reports import Ingest, prepare_section

SEALED = f"sealed:01020304:{'ab' * 32}"


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def keep(database: Database, source: int, *sent: FileText, now: int = NOW) -> None:
    texts.keep(database, source, texts.prepare_texts(sent), now)


def text_of(database: Database, digest: str, *sources: int) -> texts.Text | None:
    with database.read() as session:
        return texts.texts_of(session, [digest], sources).get(digest)


def test_a_whole_text_is_everybodys_and_any_other_its_senders(database: Database) -> None:
    one, two = add_source(database, "one"), add_source(database, "two")
    whole, part = digest_of("a = 1\n"), digest_of("password = x\n")
    keep(database, one, FileText(digest=whole, text="a = 1\n", rules=1))
    keep(database, one, FileText(digest=part, text="password = [redacted:1]\n", redacted=True, rules=1))
    keep(database, one, FileText(digest=SEALED, text="b\n", rules=1))
    assert (found := text_of(database, whole, two)) is not None and found.text == "a = 1\n"
    assert text_of(database, part, two) is None and text_of(database, SEALED, two) is None
    assert (found := text_of(database, part, one)) is not None and found.redacted
    with database.read() as session:
        assert texts.lacking(session, two, [whole, part, SEALED], 1) == [part, SEALED]
        assert texts.lacking(session, one, [whole, part, SEALED], 1) == []
        assert texts.lacking(session, one, [whole, part], 2) == [whole, part]  # by newer rules


def test_no_host_can_say_what_anothers_file_says(database: Database) -> None:
    one, two = add_source(database, "one"), add_source(database, "two")
    digest = digest_of("true\n")
    with pytest.raises(Invalid, match="is not the text of its digest"):
        keep(database, one, FileText(digest=digest, text="false\n"))
    keep(database, one, FileText(digest=digest, text="false\n", redacted=True))
    assert text_of(database, digest, two) is None
    keep(database, two, FileText(digest=digest, text="true\n"))
    assert (found := text_of(database, digest, two)) is not None and found.text == "true\n"


def test_once_more_changes_nothing_and_newer_rules_replace(database: Database) -> None:
    one = add_source(database)
    digest = digest_of("token = abc\n")
    for _ in range(2):
        keep(database, one, FileText(digest=digest, text="token = abc \n", redacted=True, rules=1))
    keep(database, one, FileText(digest=digest, text="token = [redacted:1]\n", redacted=True, rules=2))
    assert (found := text_of(database, digest, one)) is not None and found.text == "token = [redacted:1]\n"
    keep(database, one, FileText(digest=digest, withheld="its name says that it is a secret", rules=3))
    assert (found := text_of(database, digest, one)) is not None and found.text is None and "name" in found.withheld


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (FileText(digest="x"), "is no digest of a file"),
        (FileText(digest="sealed:1:2"), "is no digest of a file"),
        (FileText(digest=SEALED, text="x" * (texts.MAX_TEXT + 1)), "over the limit"),
        (FileText(digest=SEALED, text="x", withheld="y"), "has a text and says why it has none"),
        (FileText(digest=SEALED, withheld="y" * 501), "withheld: is longer"),
        (FileText(digest=SEALED, withheld="y\0"), "NUL"),
    ],
)
def test_bounds(sent: FileText, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        texts.prepare_texts([sent])


def test_bounds_of_a_call() -> None:
    many = [FileText(digest=digest_of(str(number)), text=str(number)) for number in range(texts.MAX_TEXTS + 1)]
    with pytest.raises(Invalid, match="send them in parts"):
        texts.prepare_texts(many)
    large = [FileText(digest=digest_of(str(n)), text="x" * texts.MAX_TEXT, redacted=True) for n in range(9)]
    with pytest.raises(Invalid, match="over the limit"):
        texts.prepare_texts(large)
    with pytest.raises(Invalid, match="offer them in parts"):
        texts.check_digests([SEALED] * (texts.MAX_OFFERED + 1))


def test_a_text_is_forgotten_when_no_element_names_it(database: Database) -> None:
    one = add_source(database)
    facts = Facts()
    facts.files.files.add(path="/etc/motd", type="file", digest=digest_of("one\n"))
    facts.files.files.add(path="/etc/app", type="file", sealed_digest=SEALED)
    Ingest(database).commit([report(one, section(facts, "files"))])
    keep(
        database,
        one,
        FileText(digest=digest_of("one\n"), text="one\n"),
        FileText(digest=SEALED, text="s", redacted=True),
    )
    keep(database, one, FileText(digest=digest_of("nobody's\n"), text="nobody's\n"))
    assert texts.prune(database, NOW + 1) == 0  # the section may be on its way
    assert texts.prune(database, NOW + texts.KEPT_MS + 1) == 1
    assert text_of(database, digest_of("one\n"), one) is not None and text_of(database, SEALED, one) is not None
    assert prepare_section(section(facts, "files")).elements
