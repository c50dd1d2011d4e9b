"""Sealed values: they tell that a secret changed, and nothing else."""

from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.facts import facts

from driftline import paths, schema, sealed
from driftline.facts import flatten
from driftline.v1.facts_pb2 import Facts

SECRET_PATHS = {field.path for field in schema.walk() if field.secret}
KEYS = st.binary(min_size=32, max_size=32)
#: With a character that no seal has.
SECRETS = st.text(min_size=1).map(lambda text: f"${text}")


def user(password: str) -> Facts:
    out = Facts()
    out.accounts.users.add(name="root", password=password, shell="/bin/sh")
    return out


def seal(secret: str, key: bytes) -> str:
    out = user(secret)
    sealed.seal(out, key)
    return out.accounts.users[0].password


def test_the_schema_has_secrets() -> None:
    assert "accounts.users.password" in SECRET_PATHS


@given(SECRETS, KEYS)
@example("sealed:", bytes(32))
@example("sealed:my-password", bytes(32))
@example(f"sealed:{sealed.key_id(bytes(32))}:my-password", bytes(32))
@example(f"sealed:{sealed.key_id(bytes(32))}:{'0' * 63}\n", bytes(32))
def test_a_seal_never_contains_the_secret(secret: str, key: bytes) -> None:
    value = seal(secret, key)
    assert sealed.is_sealed(value)
    assert secret == "sealed:" or secret not in value
    assert key.hex() not in value
    assert len(value) == len(seal("$", key))


@given(SECRETS, SECRETS, KEYS)
def test_with_one_key_seals_differ_exactly_where_secrets_do(one: str, other: str, key: bytes) -> None:
    assert (seal(one, key) == seal(other, key)) == (one == other)
    assert not sealed.incomparable(seal(one, key), seal(other, key))


@given(SECRETS, SECRETS, KEYS, KEYS)
def test_with_different_keys_they_are_incomparable(one: str, other: str, key: bytes, other_key: bytes) -> None:
    assert sealed.incomparable(seal(one, key), seal(other, other_key)) == (key != other_key)
    assert not sealed.incomparable(seal(one, key), other)
    assert not sealed.incomparable(None, seal(one, key))


@given(SECRETS, KEYS)
def test_sealing_again_changes_nothing(secret: str, key: bytes) -> None:
    once = seal(secret, key)
    assert seal(once, key) == once


@given(facts(), KEYS)
def test_every_secret_is_sealed_and_nothing_else_changes(given_facts: Facts, key: bytes) -> None:
    before = flatten(given_facts)
    sealed.seal(given_facts, key)
    after = flatten(given_facts)
    assert before.keys() == after.keys()
    for path, value in after.items():
        if paths.schema_path(path) in SECRET_PATHS:
            assert sealed.is_sealed(value)
        else:
            assert value == before[path]
