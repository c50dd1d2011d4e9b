"""Secret fields: the value stays on the host, a digest keyed by the host's own random key leaves it.

A sealed value reads ``sealed:<key id>:<digest>``. Two sealed values compare only where their key ids are the same; a
changed key says nothing about the value.
"""

import hmac
import re
from collections.abc import Callable, Collection
from functools import cache
from hashlib import blake2b

from google.protobuf.message import Message

from driftline.schema import FACTS, Plan
from driftline.v1.facts_pb2 import Facts

_PREFIX = "sealed:"


def key_id(key: bytes) -> str:
    """Return the public id of a sealing key, 8 hexadecimal digits."""
    return blake2b(key, digest_size=4, person=b"dl-key-id").hexdigest()


def seal(facts: Facts, key: bytes, sealed: Collection[str] = ()) -> None:
    """Replace every secret value of facts by its keyed digest, in place.

    What is a seal made with this key already is left alone. Anything else that merely begins like one is a secret.

    :param key: the source's random key, 32 bytes, which never leaves the host.
    :param sealed: values that are seals already, made with another key by a process that this one trusts.
    """
    prefix = f"{_PREFIX}{key_id(key)}:"
    own = re.compile(re.escape(prefix) + "[0-9a-f]{64}")
    _seal(FACTS, facts, key, prefix, lambda value: own.fullmatch(value) is not None or value in sealed)


def _seal(plan: Plan, message: Message, key: bytes, prefix: str, done: Callable[[str], bool]) -> None:
    secrets, below = _secret(plan)
    for name in secrets:
        value = getattr(message, name)
        if value and not done(value):
            setattr(message, name, prefix + hmac.digest(key, value.encode(), "sha256").hex())
    for name, inner, repeated in below:
        if repeated:
            for child in getattr(message, name):
                _seal(inner, child, key, prefix, done)
        elif message.HasField(name):
            _seal(inner, getattr(message, name), key, prefix, done)


@cache
def _secret(plan: Plan) -> tuple[list[str], list[tuple[str, Plan, bool]]]:
    """Return a message's secret fields, and those below which there are some: name, plan, whether it is a list."""
    below = [(field.name, field.message, field.repeated) for field in plan.fields if field.message]
    return [field.name for field in plan.fields if field.secret], [one for one in below if one[1].has_secret]


def is_sealed(value: object) -> bool:
    """Tell whether a value is the seal of a secret."""
    return isinstance(value, str) and value.startswith(_PREFIX)


def incomparable(one: object, other: object) -> bool:
    """Tell whether two values are seals made with different keys, so that nothing follows from their difference."""
    return is_sealed(one) and is_sealed(other) and str(one).split(":")[1] != str(other).split(":")[1]
