"""Versions that take over an older one's document and pins: rolled back, or promoted to another baseline."""

from collections.abc import Mapping

import yaml
from sqlmodel import Session

from driftline_baseline.document import Selector, plain_selector
from driftline_baseline.kinds import SELECTOR_FIELDS, selects_by
from driftline_cmdb import audit
from driftline_cmdb.baselines.pins import copy_pins
from driftline_cmdb.baselines.selection import parsed
from driftline_cmdb.baselines.versions import add_version, check_document, find_version
from driftline_cmdb.errors import Conflict, Invalid, Refused
from driftline_cmdb.tables.baselines import BaselineVersion


def roll_back(session: Session, name: str, to: int, author: str, now_ms: int) -> BaselineVersion:
    """Draft a version that says what an older one said. Putting it into force is a decision of its own, by another.

    :raises NotFound: where there is no such version.
    :raises Conflict: where it is a draft itself or in force, or another draft waits.
    """
    old = find_version(session, name, to)
    if old.state in ("draft", "approved", "in force"):
        raise Conflict(f"baseline {name} v{to} is {old.state}: there is nothing to roll back to; name an older version")
    version = _copy(session, old, name, old.document, author, now_ms)
    version.taken_from, version.rule_times = f"{name} v{to}", dict(old.rule_times)
    session.add(version)
    subject = f"baseline {name} v{version.number}"
    audit.record(session, author, "baseline.rolled_back", subject, {"to": to}, now_ms)
    return version


def promote(
    session: Session,
    name: str,
    to_name: str,
    settings: Mapping[str, str],
    author: str,
    now_ms: int,
    number: int | None = None,
) -> BaselineVersion:
    """Draft another baseline that says the same of other CIs: what held in test, for production.

    :param to_name: of the other baseline; it gets its next version where it exists.
    :param settings: what to change in the selector: ``environment`` -> ``production``; an empty value takes a
        condition out; ``labels.role``.
    :param number: of the version to promote; the one in force by default.
    :raises NotFound: where there is no such version, or none is in force.
    :raises Invalid: where a setting is none, or nothing would be selected.
    :raises Refused: where the selector would still name single CIs of the old one.
    """
    if to_name == name:
        raise Invalid(f"to: {to_name} is the same baseline; name another one")
    old = find_version(session, name, number, None if number is not None else "in force")
    selector = _changed(parsed(old.document).selector, settings)
    if "ci" in selector.fields and "ci" not in settings:
        raise Refused(
            f"selector.ci of {name} names single CIs, which {to_name} would cover too; set ci= to take it out"
        )
    document = _with(old.document, to_name, selector)
    check_document(to_name, document)
    version = _copy(session, old, to_name, document, author, now_ms)
    version.taken_from = f"{name} v{old.number}"
    session.add(version)
    detail = {"from": f"{name} v{old.number}", "selector": plain_selector(selector)}
    audit.record(session, author, "baseline.promoted", f"baseline {to_name} v{version.number}", detail, now_ms)
    return version


def _copy(
    session: Session, old: BaselineVersion, name: str, document: str, author: str, now_ms: int
) -> BaselineVersion:
    version = add_version(session, name, document, author, now_ms)
    version.as_of_ms, version.captured_ci_id = old.as_of_ms, old.captured_ci_id
    copy_pins(session, old.id, version)
    return version


def _changed(selector: Selector, settings: Mapping[str, str]) -> Selector:
    fields, labels = dict(selector.fields), dict(selector.labels)
    for name, value in settings.items():
        if name.startswith("labels."):
            labels.pop(name[7:], None)
            if value:
                labels[name[7:]] = value
        elif selects_by(name):
            fields.pop(name, None)
            if values := tuple(part for part in value.split(",") if part):
                fields[name] = values
        else:
            known = ", ".join((*SELECTOR_FIELDS, "labels.NAME", "field.NAME"))
            raise Invalid(f'set: "{name}" is not one of {known}')
    if not fields and not labels and not selector.facts:
        raise Invalid("set: nothing would be selected; set environment, class, labels.NAME ...")
    return Selector(fields, labels, selector.facts)


def _with(document: str, name: str, selector: Selector) -> str:
    """Return a document with another name and selector; everything else stays as people wrote it."""
    root = yaml.compose(document, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)  # noqa: S101  # it was parsed before
    nodes = {key.value: value for key, value in root.value}
    texts = {
        "name": yaml.safe_dump(name, allow_unicode=True, width=10_000).removesuffix("...\n").strip(),
        "selector": yaml.safe_dump(
            plain_selector(selector), default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000
        ).strip(),
    }
    for key, node in sorted(((key, nodes[key]) for key in texts), key=lambda one: -one[1].start_mark.index):
        start, end = node.start_mark.index, node.end_mark.index
        old = document[start:end]
        # A block ends where the next key begins; its comments belong to what is replaced.
        after = "\n" if old.endswith("\n") or "\n" in old else ""
        document = document[:start] + texts[key] + after + document[end:]
    return document
