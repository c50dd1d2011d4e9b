"""Applications and runtimes in the output of ``flatpak list`` or ``flatpak info``."""

import re

from driftline import late
from driftline.v1.facts_pb2 import Facts, Package
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output
from driftline_agent.packages.kept import unique
from driftline_agent.packages.texts import blocks, size_of
from driftline_agent.packages.times import seconds_of

_ID = late.pattern(r"[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*){2,}")
_COLUMNS = ("application", "branch", "installation", "name")
#: Without a header, by the place of the identifier and the number of columns.
_FORMS: dict[tuple[int, int], tuple[str, ...]] = {
    (0, 4): _COLUMNS,
    (0, 8): ("application", "branch", "installation", "name", "arch", "version", "origin", "active"),
    (1, 5): ("name", "application", "version", "branch", "installation"),
    (1, 6): ("name", "application", "version", "branch", "origin", "installation"),
}
_HEADERS = {"application id": "application", "active commit": "active", "architecture": "arch"}


def _build(fields: dict[str, str]) -> Package:
    branch = fields.get("branch", "")
    installation = fields.get("installation", "system")
    architecture = f"{fields.get('arch', '')}@{branch}"
    commit = fields.get("commit") or fields.get("active", "")
    return Package(
        manager="flatpak",
        name=fields["application"],
        # An installation of the system's with another name is one of its own, too.
        architecture=architecture if installation == "system" else f"{architecture}@{installation.split()[0]}",
        version=fields.get("version", ""),
        channel=branch,
        origin=fields.get("origin", ""),
        license=fields.get("license", ""),
        size=size_of(fields.get("installed size") or fields.get("installed", "")),
        revision=commit if re.fullmatch(r"[0-9a-f]{12,64}", commit) else "",
    )


def _of_list(text: str) -> list[Package]:
    out: list[Package] = []
    names: tuple[str, ...] = ()
    for line in text.splitlines():
        columns = [column.strip() for column in line.split("\t")]
        lower = [column.lower() for column in columns]
        if "application id" in lower or "application" in lower:
            names = tuple(_HEADERS.get(column, column) for column in lower)
            continue
        place = next((number for number, column in enumerate(columns) if _ID.fullmatch(column)), None)
        form = names or (_FORMS.get((place, len(columns))) if place is not None else None)
        if form is None and place is not None and len(columns) > 1:
            form = _COLUMNS if place == 0 else _FORMS[1, 5]
        fields = dict(zip(form or (), columns, strict=False))
        if _ID.fullmatch(fields.get("application", "")):
            out.append(_build({name: value for name, value in fields.items() if value}))
    return out


def parse(text: str) -> Facts:
    """Return the applications and runtimes.

    :raises UnreadableError: where no line tells of one.
    """
    found: list[Package] = []
    if re.search(r"^\s*ID: \S", text, re.MULTILINE):
        # Blank lines part the groups of one description; each begins with its ID.
        for block in re.split(r"^(?=\s*ID: )", text, flags=re.MULTILINE)[1:]:
            fields = next(blocks(block.replace("\n\n", "\n")), {})
            if fields.get("id"):
                package = _build({**fields, "application": fields["id"]})
                built = seconds_of(fields.get("date", ""))
                if built is not None:
                    package.ClearField("installed_at")  # the date is the commit's, not the installation's
                found.append(package)
    else:
        found = _of_list(text)
    if not found and text.strip():
        raise UnreadableError("flatpak: no line of flatpak list or flatpak info")
    facts = Facts()
    facts.software.packages.extend(unique(found))
    return facts


OUTPUT = Output(
    command="flatpak list --columns=application,branch,installation,name,arch,version,origin,active (or with fewer"
    " columns, or flatpak info NAME)",
    parse=parse,
)
