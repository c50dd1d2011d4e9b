"""The audit trail's chain, heads and export show what was changed, cut out, put in between or written anew."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, update
from sqlmodel import col, select

from driftline_cmdb import audit
from driftline_cmdb.audit import heads, sealing, signing
from driftline_cmdb.audit.chain import START, link
from driftline_cmdb.audit.export import export
from driftline_cmdb.audit.reading import Malformed, SealedEntry, read
from driftline_cmdb.audit.signing import Head, PublicKey
from driftline_cmdb.audit.verify import Verdict, keys_of, verify
from driftline_cmdb.database import Database
from driftline_cmdb.tables.audit import AuditEntry
from driftline_cmdb.tables.cis import Finding
from driftline_cmdb.tables.heads import AuditHead, AuditKey

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
TRUSTED = {signing.public(KEY).id: signing.public(KEY)}
NOW = 1_790_000_000_000


def decide(database: Database, count: int, at: int = NOW) -> None:
    with database.write() as session:
        for number in range(count):
            audit.record(session, "alice", "rfc.authorised", f"RFC {number}", {"ü": [1, {"b": 2.5}]}, at + number)
    while sealing.seal(database, 2):
        pass


def signed(database: Database, last: Head | None = None, key: Ed25519PrivateKey = KEY, at: int = NOW) -> Head:
    heads.publish(database, signing.public(key), at)
    while sealing.seal(database):
        pass
    head = heads.sign(database, key, last, at)
    assert isinstance(head, Head)
    return head


def trail(database: Database) -> list[str]:
    """An export of ten entries with heads in the middle and at the end."""
    decide(database, 5)
    head = signed(database)
    decide(database, 4, NOW + 10)
    signed(database, head)
    return list(export(database, NOW))


def test_round_trip(database: Database) -> None:
    lines = trail(database)
    assert [next(iter(json.loads(line))) for line in lines][5:8] == ["position", "position", "head"]
    for keys in (None, TRUSTED):
        verdict = verify(lines, keys)
        assert verdict.problems == []
        assert (verdict.first, verdict.last, verdict.entries) == (1, 10, 10)
        assert [head.position for head in verdict.heads] == [6, 10]
    assert any("who could write the database" in note for note in verify(lines).notes)
    assert not any("who could write the database" in note for note in verify(lines, TRUSTED).notes)


def test_an_export_from_the_middle_says_what_it_does_not_show(database: Database) -> None:
    whole = trail(database)
    part = list(export(database, NOW, NOW + 3))
    verdict = verify(part, TRUSTED, verify(whole, TRUSTED))
    assert verdict.problems == [] and verdict.first == 4
    assert any("shows nothing of positions 1 to 3" in note for note in verdict.notes)
    moved = json.loads(part[0]) | {"previous": "11" * 32}
    assert not verify([json.dumps(moved), *part[1:]]).good
    assert verify(list(export(database, NOW, NOW + 10_000)), TRUSTED).entries == 0


ENTRIES = [1, 3, 10]
FIELDS: dict[str, Any] = {
    "position": 99,
    "at_ms": 1,
    "actor": "mallory",
    "action": "rfc.rejected",
    "subject": "RFC 77",
    "detail": {"ü": [1, {"b": 2}]},
    "chain": "00" * 32,
}


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A good export; that both engines make the same is another test."""
    from driftline_cmdb.database import migrate

    url = f"sqlite:///{tmp_path_factory.mktemp('audit')}/driftline.db"
    migrate(url)
    database = Database(url)
    found = trail(database)
    database.close()
    return found


def entry_line(lines: list[str], position: int) -> int:
    return next(n for n, line in enumerate(lines) if json.loads(line).get("position") == position)


@pytest.mark.parametrize("position", ENTRIES)
@pytest.mark.parametrize("name", FIELDS)
def test_a_changed_field_of_an_entry_is_found_where_it_is(lines: list[str], name: str, position: int) -> None:
    at = entry_line(lines, position)
    forged = [*lines[:at], json.dumps(json.loads(lines[at]) | {name: FIELDS[name]}), *lines[at + 1 :]]
    problems = verify(forged, TRUSTED).problems
    assert problems and f"line {at + 1}:" in problems[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [("position", 4), ("chain", "00" * 32), ("at_ms", NOW + 1), ("key_id", "f" * 16), ("signature", "00" * 64)],
)
def test_a_changed_field_of_a_head_is_found(lines: list[str], name: str, value: object) -> None:
    at = next(n for n, line in enumerate(lines) if "head" in json.loads(line))
    head = json.loads(lines[at])["head"] | {name: value}
    verdict = verify([*lines[:at], json.dumps({"head": head}), *lines[at + 1 :]], TRUSTED)
    assert f"line {at + 1}: the head" in verdict.problems[0]


@pytest.mark.parametrize(
    ("name", "value"), [("first", 2), ("last", 9), ("previous", "11" * 32), ("keys", []), ("driftline_audit", 2)]
)
def test_a_changed_header_is_found(lines: list[str], name: str, value: object) -> None:
    assert not verify([json.dumps(json.loads(lines[0]) | {name: value}), *lines[1:]]).good


def without(*numbers: int) -> Callable[[list[str]], list[str]]:
    return lambda lines: [line for number, line in enumerate(lines) if number not in numbers]


def swapped(lines: list[str]) -> list[str]:
    return [*lines[:2], lines[3], lines[2], *lines[4:]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without(3), "line 4: position 3 is missing"),
        (without(2, 3, 4), "line 3: position 2 to 4 is missing"),
        (swapped, "out of order"),
        (without(11), "the tail was cut"),
        (lambda lines: lines[:-1], "no end line"),
        (lambda lines: lines[:6], "no end line"),
        (lambda lines: [*lines[:4], lines[3], *lines[4:]], "out of order"),
        (lambda lines: [*lines, lines[3]], "should have ended"),
        (lambda lines: lines[1:], "begins with its header"),
        (lambda lines: [], "is empty"),
        (lambda lines: [*lines[:3], "{", *lines[3:]], "line 4: is no JSON"),
        (lambda lines: [*lines[:3], "[1]", *lines[3:]], "line 4: is no JSON object"),
        (lambda lines: [*lines[:3], "[" * 100_000, *lines[3:]], "line 4: is no JSON"),
        (lambda lines: [*lines[:3], lines[3].replace("{", '{"actor":"x",', 1), *lines[4:]], "stands twice"),
    ],
)
def test_what_is_cut_out_swapped_or_put_in_is_found(
    lines: list[str], change: Callable[[list[str]], list[str]], words: str
) -> None:
    found = " ".join(verify(change(lines), TRUSTED).problems)
    assert words in found, found


@given(st.data())
def test_no_change_of_a_file_goes_unseen(lines: list[str], data: st.DataObject) -> None:
    """With the key and an older export: whatever says something else than before is not good."""
    older = verify(lines, TRUSTED)
    at = data.draw(st.integers(0, len(lines) - 1))
    kind = data.draw(st.sampled_from(["delete", "repeat", "swap", "cut", "letter"]))
    changed = list(lines)
    if kind == "delete":
        del changed[at]
    elif kind == "repeat":
        changed.insert(data.draw(st.integers(0, len(lines))), lines[at])
    elif kind == "swap":
        to = data.draw(st.integers(0, len(lines) - 1))
        changed[at], changed[to] = changed[to], changed[at]
    elif kind == "cut":
        changed = changed[:at]
    else:
        place = data.draw(st.integers(0, len(lines[at]) - 1))
        letter = data.draw(st.sampled_from('0189abf"{}[],: x'))
        changed[at] = lines[at][:place] + letter + lines[at][place + 1 :]
    try:
        same = [line for _, line in read(changed)] == [line for _, line in read(lines)]
    except Malformed:
        same = False
    assert verify(changed, TRUSTED, older).good == same


def rechained(lines: list[str], key: Ed25519PrivateKey, *, drop: int = 0) -> list[str]:
    """A forgery that fits itself: an entry is another one, all hashes, heads and keys are made anew."""
    previous, position, out = START, 0, []
    for text in lines[1 : len(lines) - 1 - drop]:
        value = json.loads(text)
        if "head" in value:
            head = signing.sign(key, position, previous, value["head"]["at_ms"])
            out.append(
                {
                    "head": value["head"]
                    | {"chain": previous.hex(), "key_id": head.key_id, "signature": head.signature.hex()}
                }
            )
            continue
        value |= {"actor": "mallory"} if value["position"] == 3 else {}
        position = value["position"]
        previous = link(previous, SealedEntry(**(value | {"chain": b""})))
        out.append(value | {"chain": previous.hex()})
    own = {"id": signing.public(key).id, "public_key": str(signing.public(key)).partition("=")[2]}
    header = json.loads(lines[0]) | {"keys": [own], "last": position}
    count = sum("head" in value for value in out)
    end = {"end": {"entries": len(out) - count, "heads": count}}
    return [json.dumps(value) for value in (header, *out, end)]


def test_a_forgery_with_another_key_is_found_by_who_knows_the_key(lines: list[str]) -> None:
    forged = rechained(lines, OTHER)
    assert verify(forged).good, "nothing but the key tells"
    assert "not one of those to trust" in verify(forged, TRUSTED).problems[0]
    unsigned = [text for text in forged if '"head"' not in text]
    unsigned[-1] = json.dumps({"end": {"entries": 10, "heads": 0}})
    assert "no head is signed with a key that you named" in verify(unsigned, TRUSTED).problems[0]


def test_a_forgery_with_the_stolen_key_is_found_by_an_older_export(lines: list[str]) -> None:
    older = verify(lines, TRUSTED)
    forged = rechained(lines, KEY)
    assert verify(forged, TRUSTED).good
    assert "the trail up to there was written anew" in verify(forged, TRUSTED, older).problems[0]


def test_a_tail_that_was_cut_without_a_trace_is_found_by_an_older_export(lines: list[str]) -> None:
    older = verify(lines, TRUSTED)
    cut = [*lines[:-3], json.dumps({"end": {"entries": 9, "heads": 1}})]
    cut[0] = json.dumps(json.loads(cut[0]) | {"last": 9})
    assert verify(cut, TRUSTED).good
    assert "its tail was cut" in verify(cut, TRUSTED, older).problems[0]
    assert "is not good itself" in verify(lines, TRUSTED, verify(cut[:-1], TRUSTED)).problems[0]


def test_a_trail_that_went_on_continues_the_older_one(database: Database) -> None:
    older = verify(trail(database), TRUSTED)
    decide(database, 3, NOW + 500)
    newer = list(export(database, NOW))
    verdict = verify(newer, TRUSTED, older)
    assert verdict.good and any("chained, not signed yet" in note for note in verdict.notes)
    apart = verify(list(export(database, NOW, NOW + 501)), None, older)
    assert "no position in common" in apart.problems[0]


def test_cutting_the_tail_in_the_database_shows_by_the_heads_that_stay(database: Database) -> None:
    trail(database)
    with database.write() as session:
        session.exec(delete(AuditEntry).where(col(AuditEntry.position) > 8))
    problems = verify(list(export(database, NOW)), TRUSTED).problems
    assert "the head at position 10 is of an entry that the file does not have" in problems[0]


def test_several_collectors_sign_with_keys_of_their_own(database: Database) -> None:
    trail(database)
    signed(database, key=OTHER, at=NOW + 5)
    lines = list(export(database, NOW))
    both = TRUSTED | {signing.public(OTHER).id: signing.public(OTHER)}
    assert {head.key_id for head in verify(lines, both).heads} == set(both)
    assert not verify(lines, TRUSTED).good


def refused(database: Database, last: Head | None) -> str:
    broken = heads.sign(database, KEY, last, NOW)
    assert isinstance(broken, heads.Broken)
    with database.read() as session:
        assert heads.due(session, last, NOW + heads.INTERVAL_MS)
    for _ in range(2):
        with database.write() as session:
            heads.note(session, "id", broken, NOW)
    with database.read() as session:
        assert session.exec(select(Finding.kind)).all() == ["audit broken"]
    return broken.message


def rechain(database: Database) -> None:
    """Change an entry and make the chain fit."""
    with database.write() as session:
        previous = START
        for entry in session.exec(select(AuditEntry).order_by(col(AuditEntry.position))).all():
            entry.actor = "mallory" if entry.position == 3 else entry.actor
            entry.chain = previous = link(previous, entry)
            session.add(entry)


def test_nothing_is_signed_that_does_not_continue_what_was_signed(database: Database) -> None:
    decide(database, 6)
    last = signed(database)
    rechain(database)
    assert "was written anew" in refused(database, last)
    assert isinstance(heads.sign(database, KEY, None, NOW), Head), "who remembers nothing cannot tell"


def test_nothing_is_signed_whose_chain_is_broken(database: Database) -> None:
    decide(database, 6)
    head = signed(database)
    decide(database, 4)
    with database.write() as session:
        session.exec(update(AuditEntry).where(col(AuditEntry.position) == 9).values(actor="mallory"))
    assert "position 9 does not fit its hash" in refused(database, head)
    with database.write() as session:
        session.exec(delete(AuditEntry).where(col(AuditEntry.position) == 9))
        heads.note(session, "id", None, NOW)
    with database.read() as session:
        assert session.exec(select(Finding.closed_ms)).one() == NOW
    assert isinstance(heads.sign(database, KEY, head, NOW), heads.Broken)
    with database.write() as session:
        session.exec(delete(AuditEntry).where(col(AuditEntry.position) >= 5))
    broken = heads.sign(database, KEY, head, NOW)
    assert isinstance(broken, heads.Broken) and "it was cut" in broken.message


def test_when_a_head_is_due(database: Database) -> None:
    with database.read() as session:
        assert not heads.due(session, None, NOW)
    decide(database, 2)
    with database.read() as session:
        assert heads.due(session, None, NOW)
    head = signed(database)
    with database.read() as session:
        assert not heads.due(session, head, NOW + 2 * heads.INTERVAL_MS), "nothing new"
    decide(database, 1)
    with database.read() as session:
        assert not heads.due(session, head, NOW + heads.INTERVAL_MS - 1)
        assert heads.due(session, head, NOW + heads.INTERVAL_MS)
    decide(database, heads.ENTRIES)
    with database.read() as session:
        assert heads.due(session, head, NOW)


def test_half_a_surrogate_pair_does_not_stop_the_sealer(database: Database) -> None:
    with database.write() as session:
        audit.record(session, "alice", "rfc.authorised", "RFC 1", {"why": "\ud800"}, NOW)
    signed(database)
    assert verify(list(export(database, NOW)), TRUSTED).good


def test_a_key_is_published_once_with_an_entry(database: Database) -> None:
    for _ in range(2):
        heads.publish(database, signing.public(KEY), NOW)
    with database.read() as session:
        assert session.exec(select(AuditKey.public_key)).all() == [signing.public(KEY).raw]
        assert session.exec(select(AuditEntry.action)).all() == ["audit_key.added"]
        assert session.exec(select(AuditHead)).all() == []


def test_keys_are_read_as_they_are_printed() -> None:
    key, other = signing.public(KEY), signing.public(OTHER)
    assert keys_of(f"{key}\n{other}\n") == [key, other]
    answer = {"items": [{"id": key.id, "public_key": str(key).partition("=")[2], "since": "..."}]}
    assert keys_of(json.dumps(answer)) == [key]
    for bad in ("nonsense", f"{key.id}=AAAA", f"{other.id}={str(key).partition('=')[2]}", '{"items": [1]}'):
        with pytest.raises(ValueError, match=r"is not|was changed"):
            keys_of(bad)
    assert PublicKey.parse(str(key)) == key


def test_it_runs_without_database_libraries(lines: list[str], tmp_path: Path) -> None:
    """Only the standard library and cryptography: an auditor's machine has no driftline server."""
    file, keys = tmp_path / "audit.jsonl", tmp_path / "keys"
    file.write_text("".join(lines))
    keys.write_text(f"{signing.public(KEY)}\n")
    code = """
import runpy, sys
for name in ("sqlmodel", "sqlalchemy", "alembic", "google", "grpc", "zstandard", "pydantic", "yaml"):
    sys.modules[name] = None
runpy.run_module("driftline_cmdb.audit.verify", run_name="__main__")
"""

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True)

    done = run(file, "--key", keys, "--head", file)
    assert done.returncode == 0 and "good: positions 1 to 10 are whole, and 2 heads fit" in done.stdout, done.stderr
    file.write_text("".join(lines[:-1]))
    done = run(file, "--keys", str(signing.public(KEY)))
    assert done.returncode == 1 and "no end line" in done.stdout
    assert run(file, "--keys", "x").returncode == 2
    assert run(tmp_path / "none").returncode == 2


def test_a_verdict_is_good_only_without_problems() -> None:
    assert Verdict().good and not Verdict(problems=["x"]).good
