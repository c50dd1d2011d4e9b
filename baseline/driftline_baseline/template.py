"""Templates of standard changes: the texts and predictions of an RFC with placeholders, approved once.

title: OpenSSL {version} on {cis}
parameters:
  version: '3\\.0\\.\\d+'            # a regular expression that a value must match whole
selector: {labels: {role: web}}      # CIs that it may be used on; optional
reason: security update
back_out_plan: apt-get install openssl={version}
expect:
  - software.packages[dpkg/openssl/amd64].version at_least {version}
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from driftline import paths
from driftline.schema import Value
from driftline_baseline.allowed import ALLOWED_KINDS, Allowed
from driftline_baseline.document import Selector
from driftline_baseline.errors import DocumentError
from driftline_baseline.predict import NUMBERS, field_of
from driftline_baseline.reading import DocumentReader
from driftline_baseline.standing import problem_of
from driftline_baseline.values import Attributes
from driftline_baseline.yaml_reader import compose

#: Texts of an RFC that a template may fill.
TEXTS = (
    "description", "reason", "effect_of_not_doing", "risk", "impact", "benefit", "cost",
    "test_plan", "back_out_plan",
)  # fmt: skip
_TOP = ("title", "parameters", "selector", "expect", "implementer", *TEXTS)
_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_PREDICTION = re.compile(rf"(?P<path>\S+) (?P<kind>{'|'.join(ALLOWED_KINDS)})(?: (?P<operand>.+))?")
#: Kinds that may name the origin of what comes: ``upgrade from debian-security``.
_FROM = re.compile(r"(?:(?P<operand>.+) )?from (?P<origin>\S+)")
_FROM_KINDS = ("upgrade", "present", "at_least", "is")
#: Placeholder that names the CIs.
_CIS = "cis"


@dataclass(frozen=True, slots=True)
class Predicted:
    """A prediction as people write it in a line."""

    path: str
    kind: str
    operand: Value | Attributes | None = None
    #: The origin that must publish what comes.
    origin: str | None = None


def prediction(text: str) -> Predicted:
    """Read a prediction: ``software.packages[dpkg/openssl/amd64].version at_least 3.0.14``.

    For a wave the path has wild cards: ``software.packages[dpkg/*/*].version upgrade from debian-security``.

    :raises DocumentError: where it is none.
    """
    found = _PREDICTION.fullmatch(text.strip())
    if found is None:
        raise DocumentError(f'"{text}" is not PATH {"|".join(ALLOWED_KINDS)} [VALUE] [from ORIGIN]')
    operand: Value | Attributes | None = found["operand"]
    origin = None
    parts = _FROM.fullmatch(found["operand"] or "") if found["kind"] in _FROM_KINDS else None
    if parts is not None and (found["kind"] in ("upgrade", "present") or "software.packages[" in found["path"]):
        operand, origin = parts["operand"], parts["origin"]
    if found["kind"] == "one_of" and operand is not None:
        operand = tuple(one.strip() for one in str(operand).split(","))
    return Predicted(found["path"], found["kind"], _typed(found["path"], operand), origin)


def _typed(path: str, operand: Value | Attributes | None) -> Value | Attributes | None:
    """Return what someone typed as a value of the attribute's own type; attributes of an element stand as JSON."""
    named = field_of(path)
    if isinstance(operand, tuple):
        return tuple(_typed(path, item) for item in operand)  # type: ignore[return-value]  # members are plain
    if named is None or not isinstance(operand, str):
        return operand
    plain = named.message is not None or named.type == "bool" or named.type in NUMBERS
    try:
        return json.loads(operand) if plain else operand
    except ValueError as error:
        raise DocumentError(f'"{operand}" is no value of {path}: {error}') from error


@dataclass(frozen=True, slots=True)
class Filled:
    """What a template says once its placeholders are filled."""

    title: str
    texts: Mapping[str, str]
    implementer: str | None
    predictions: tuple[Predicted, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A template of a standard change."""

    title: str
    texts: Mapping[str, str]
    #: Regular expression that each value must match whole.
    parameters: Mapping[str, str]
    predictions: tuple[Predicted, ...]
    #: CIs that it may be used on; None: all.
    selector: Selector | None = None
    implementer: str | None = None

    def fill(self, values: Mapping[str, str], cis: str) -> Filled:
        """Fill the placeholders.

        :param cis: names of the CIs, for people.
        :raises DocumentError: where a value is missing, unknown, or not as its parameter says.
        """
        for name in values:
            if name not in self.parameters:
                known = ", ".join(self.parameters) or "none"
                raise DocumentError(f'"{name}" is not a parameter of this template; it has {known}')
        for name, pattern in self.parameters.items():
            if name not in values:
                raise DocumentError(f'the parameter "{name}" is not set; it must match {pattern}')
            if re.fullmatch(pattern, values[name]) is None or "\n" in values[name]:
                raise DocumentError(f'{name}: "{values[name]}" does not match {pattern}, as the template asks')
        filled = {**values, _CIS: cis}
        return Filled(
            _put(self.title, filled),
            {name: _put(text, filled) for name, text in self.texts.items()},
            self.implementer,
            tuple(_put_prediction(one, values) for one in self.predictions),
        )


def _put(text: str, values: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda found: values[found[1]], text)


def _put_prediction(one: Predicted, values: Mapping[str, str]) -> Predicted:
    # A value in a path is part of one key, whatever stands in it
    escaped = {name: re.sub(r"([\\/\]])", r"\\\1", value) for name, value in values.items()}
    operand = one.operand
    if isinstance(operand, str):
        operand = _put(operand, values)
    elif isinstance(operand, tuple):
        operand = tuple(_put(str(item), values) for item in operand)
    return Predicted(_put(one.path, escaped), one.kind, operand, one.origin)


def parse(text: str, source: str = "template") -> Template:
    """Read a template.

    :param source: what to call it in errors: a file's name.
    :raises DocumentError: where it breaks its rules; the message names line, column and the mend.
    """
    nodes = DocumentReader(source)
    root = compose(text, source, "a template has title and expect")
    found = nodes.mapping(root, "template", _TOP)
    for name in ("title", "expect"):
        if name not in found:
            raise nodes.fail(root, "template", f"has no {name}")
    parameters: dict[str, str] = {}
    if "parameters" in found:
        for name, node in nodes.mapping(found["parameters"], "parameters").items():
            where = f"parameters.{name}"
            if _PLACE.fullmatch(f"{{{name}}}") is None or name == _CIS:
                raise nodes.fail(node, where, "cannot name a parameter; use a to z, 0 to 9 and _, and not cis")
            parameters[name] = nodes.text(node, where)
            try:
                re.compile(parameters[name])
            except re.error as error:
                raise nodes.fail(node, where, f"is not a regular expression: {error}") from error
    texts = {name: _text(nodes, found[name], name, parameters) for name in TEXTS if name in found}
    listed = nodes.sequence(found["expect"], "expect")
    if not listed:
        raise nodes.fail(found["expect"], "expect", "is empty; a change predicts at least one thing")
    selector = nodes.selector(found["selector"]) if "selector" in found else None
    return Template(
        title=_text(nodes, found["title"], "title", parameters),
        texts=texts,
        parameters=parameters,
        predictions=tuple(_expect(nodes, node, f"expect[{index}]", parameters) for index, node in enumerate(listed)),
        selector=selector,
        implementer=nodes.text(found["implementer"], "implementer") if "implementer" in found else None,
    )


def _text(nodes: DocumentReader, node: yaml.Node, where: str, parameters: Mapping[str, str], *more: str) -> str:
    text = nodes.text(node, where)
    for name in _PLACE.findall(text):
        if name not in parameters and name not in (more or (_CIS,)):
            raise nodes.fail(node, where, f'"{{{name}}}" is not under parameters; write there what it may be')
    return text


def _expect(nodes: DocumentReader, node: yaml.Node, where: str, parameters: Mapping[str, str]) -> Predicted:
    text = _text(nodes, node, where, parameters, "")
    try:
        read = prediction(text)
        tried = _put(read.path, dict.fromkeys(parameters, "x"))
        paths.compile_pattern(tried)
    except (DocumentError, paths.PathError) as error:
        raise nodes.fail(node, where, str(error)) from error
    # What a placeholder will be is not known yet: it is checked when the template is used
    operand = "0" if isinstance(read.operand, str) and _PLACE.search(read.operand) else read.operand
    problem = problem_of(Allowed(tried, read.kind, operand, read.origin))
    if problem is not None:
        raise nodes.fail(node, where, problem)
    return read
