"""The kinds of evidence and what is junk, as evidence.yaml and junk.yaml say; read once and checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

from driftline.v1.collector_pb2 import HostClaims
from driftline_baseline.errors import DocumentError
from driftline_baseline.identity.forms import FORMS, NoForm


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of evidence."""

    name: str
    #: Field of HostClaims.
    claim: str
    #: Values of one space are compared with each other.
    space: str
    form: str
    #: What one equal value adds, and what all of the kind add at most.
    weight: int
    most: int
    #: What it takes off where both sides have the kind and nothing in common.
    contradicts: int
    #: Of hardware, which a container shares with its host.
    hardware: bool
    #: A virtual machine may show its host's.
    copied: bool
    #: Its weight where a side is a container.
    in_container: int
    #: In a few words, for people.
    meaning: str


@dataclass(frozen=True, slots=True)
class Junk:
    """Values that tell no machine from another."""

    why: str
    values: frozenset[str]
    patterns: tuple[re.Pattern[str], ...]

    def has(self, normal: str) -> bool:
        """Tell whether a value in its normal form is one of these."""
        return normal in self.values or any(pattern.fullmatch(normal) for pattern in self.patterns)


def _read(name: str) -> Any:
    return yaml.safe_load(resources.files(__package__).joinpath(name).read_text("utf-8"))


def _kind(name: str, said: Mapping[str, Any]) -> Kind:
    known = {"claim", "space", "form", "weight", "most", "contradicts", "hardware", "copied", "in_container", "meaning"}
    for key in sorted(said.keys() - known):
        raise DocumentError(f'evidence.yaml: kinds.{name}: "{key}" is not known here')
    for key in sorted({"claim", "space", "form", "weight", "meaning"} - said.keys()):
        raise DocumentError(f"evidence.yaml: kinds.{name}: has no {key}")
    if said["claim"] not in HostClaims.DESCRIPTOR.fields_by_name:
        raise DocumentError(f'evidence.yaml: kinds.{name}.claim: HostClaims has no "{said["claim"]}"')
    if said["form"] not in FORMS:
        raise DocumentError(f'evidence.yaml: kinds.{name}.form: "{said["form"]}" is not one of {", ".join(FORMS)}')
    weight = int(said["weight"])
    return Kind(
        name,
        said["claim"],
        said["space"],
        said["form"],
        weight,
        int(said.get("most", weight)),
        int(said.get("contradicts", 0)),
        bool(said.get("hardware", False)),
        bool(said.get("copied", False)),
        int(said.get("in_container", weight)),
        said["meaning"],
    )


def read_junk(rules: Any, forms: Mapping[str, str]) -> Mapping[str, tuple[Junk, ...]]:
    """Return what is junk, by space.

    :param forms: the normal form of each space.

    :raises DocumentError: a space that no kind has, a value that is no text, a pattern that is none.
    """
    found: dict[str, list[Junk]] = {space: [] for space in forms}
    for number, rule in enumerate(rules):
        values = rule.get("values", [])
        for value in values:
            if not isinstance(value, str) or value != value.lower():
                raise DocumentError(f"junk.yaml: [{number}].values: {value!r} is no text in lower case; quote it")
        try:
            patterns = tuple(re.compile(text) for text in rule.get("patterns", []))
        except re.error as error:
            raise DocumentError(f"junk.yaml: [{number}].patterns: {error.pattern!r}: {error}") from error
        for space in rule["spaces"]:
            if space not in found:
                raise DocumentError(f'junk.yaml: [{number}].spaces: "{space}" is no kind\'s space')
            normal = frozenset(_normal(forms[space], value) for value in values)
            found[space].append(Junk(rule["why"], normal, patterns))
    return {space: tuple(junk) for space, junk in found.items()}


def _normal(form: str, value: str) -> str:
    try:
        return FORMS[form](value)
    except NoForm:
        return value


_DATA = _read("evidence.yaml")
#: Kinds of evidence by name, in the order in which people read them.
KINDS: Mapping[str, Kind] = {name: _kind(name, said) for name, said in _DATA["kinds"].items()}
#: A sum of weights from which on a source claims to be a CI.
THRESHOLD: int = _DATA["threshold"]
#: What it takes off where one side is a container and the other is none.
CONTAINER_CONTRADICTS: int = _DATA["container_contradicts"]
#: Values of one kind that are looked at.
VALUES: int = _DATA["values"]
#: What is junk, by space.
JUNK = read_junk(_read("junk.yaml"), {kind.space: kind.form for kind in KINDS.values()})
