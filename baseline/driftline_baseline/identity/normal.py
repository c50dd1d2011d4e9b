"""What claims say, as keys that can be compared, and what of it is junk."""

from dataclasses import dataclass
from functools import lru_cache

from driftline.v1.collector_pb2 import HostClaims
from driftline_baseline.identity.forms import FORMS, NoForm
from driftline_baseline.identity.kinds import JUNK, KINDS, VALUES, Kind


@dataclass(frozen=True, slots=True, order=True)
class Evidence:
    """One piece of evidence that counts."""

    kind: str
    #: What is compared: the space of its kind and the normal form: ``uuid:4c4c4544-...``, ``serial:7x3kq2``.
    key: str
    #: As it was claimed.
    value: str


def keys_of(claims: HostClaims) -> list[Evidence]:
    """Return the evidence in claims, each key once a kind: without junk, and without hardware of a container's host."""
    return _sorted_out(claims)[0]


def junk_of(claims: HostClaims) -> list[tuple[str, str, str]]:
    """Return what is claimed and does not count: kind, value, why not."""
    return _sorted_out(claims)[1]


def _sorted_out(claims: HostClaims) -> tuple[list[Evidence], list[tuple[str, str, str]]]:
    found: list[Evidence] = []
    junk: list[tuple[str, str, str]] = []
    for kind in KINDS.values():
        values = _values(claims, kind)
        if not values:
            continue
        of_kind: dict[str, Evidence] = {}
        for value in values:
            space, normal, why = look_at(kind.name, value)
            if why is None and kind.hardware and claims.container:
                why = f"hardware of the host that this container ({claims.container}) runs on"
            if why is not None:
                junk.append((kind.name, value, why))
            else:
                of_kind.setdefault(f"{space}:{normal}", Evidence(kind.name, f"{space}:{normal}", value))
        ordered = [of_kind[key] for key in sorted(of_kind)]
        found += ordered[:VALUES]
        junk += [(kind.name, one.value, f"one of more than {VALUES}") for one in ordered[VALUES:]]
    return found, junk


def serial_key(text: str) -> str | None:
    """Return the key of a serial number, ``serial:7x3kq2``; None where it is junk."""
    space, normal, why = look_at("system_serial", text)
    return f"{space}:{normal}" if why is None else None


@lru_cache(maxsize=4096)  # a source claims nearly the same as before
def look_at(name: str, value: str) -> tuple[str, str, str | None]:
    """Return a value's space and normal form, and why it does not count; None where it does.

    :param name: of its kind.
    """
    space, form = KINDS[name].space, KINDS[name].form
    if form == "lldp":
        try:
            normal, space = FORMS["mac"](value.strip().removeprefix("mac ")), "mac"
        except NoForm:
            normal = FORMS["words"](value)
    else:
        try:
            normal = FORMS[form](value)
        except NoForm as error:
            return space, value, str(error)
    return space, normal, next((junk.why for junk in JUNK[space] if junk.has(normal)), None)


def _values(claims: HostClaims, kind: Kind) -> list[str]:
    said = getattr(claims, kind.claim)
    return [value for value in ([said] if isinstance(said, str) else sorted(said)) if value.strip()] if said else []
