"""Packages of Python in the output of ``pip list``, in any of its formats. Which environment it was is not in it."""

import json

from driftline import late
from driftline.v1.facts_pb2 import Facts, LanguagePackage
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output
from driftline_agent.packages.languages import normal

_FREEZE = late.pattern(r"([A-Za-z0-9][A-Za-z0-9._-]*)={2,3}(\S+)")
_COLUMNS = late.pattern(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s+(\d\S*|\S*\d\S*)(?:\s+\S.*)?")
_LEGACY = late.pattern(r"([A-Za-z0-9][A-Za-z0-9._-]*) \(([^,)\s]+)(?:, .*)?\)")


def _pairs(text: str) -> list[tuple[str, str]]:
    if text.lstrip().startswith("["):
        try:
            found = json.JSONDecoder().raw_decode(text.lstrip())[0]  # notices may follow
        except (ValueError, RecursionError):
            return []
        entries = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
        return [(str(one["name"]), str(one.get("version", ""))) for one in entries if isinstance(one.get("name"), str)]
    out: list[tuple[str, str]] = []
    for line in text.splitlines():
        for form in (_FREEZE, _LEGACY, _COLUMNS):
            parts = form.fullmatch(line.strip())
            if parts is not None and parts[1] != "Package":
                out.append((parts[1], parts[2]))
                break
    return out


def parse(text: str) -> Facts:
    """Return the packages.

    :raises UnreadableError: where there are none.
    """
    found = {normal(name): version for name, version in _pairs(text) if name}
    if not found and text.strip() not in ("", "[]"):
        raise UnreadableError("pip: no line of pip list")
    facts = Facts()
    facts.software.language_packages.extend(
        LanguagePackage(ecosystem="pypi", name=name, version=found[name]) for name in sorted(found)
    )
    return facts


OUTPUT = Output(command="pip list --format=json (or columns, freeze)", parse=parse)
