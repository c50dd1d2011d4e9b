"""Packages in the output of ``rpm -qa``: in the columns below, as names, with ``--last``, or with ``-i``."""

import re

from driftline import late
from driftline.v1.facts_pb2 import Facts, Package
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output
from driftline_agent.packages import headers
from driftline_agent.packages.texts import blocks, number_of, size_of
from driftline_agent.packages.times import seconds_of

_COLUMNS = (
    r"%{NAME}\t%{ARCH}\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\t%{INSTALLTIME}\t%{SIZE}\t%{VENDOR}\t%{LICENSE}\t"
    r"%{SOURCERPM}\n"
)
#: What the topic rpm runs where the database cannot be read.
COMMAND = ("rpm", "-qa", "--queryformat", _COLUMNS)
_NONE = "(none)"
_NEVRA = late.pattern(
    r"(?P<name>\S+)-(?:(?P<epoch>\d+):)?(?P<version>[^-\s]+)-(?P<release>[^-\s]+?)(?:\.(?P<arch>[a-z][a-z0-9_]*))?"
)
_BEFORE_EPOCH = late.pattern(r"(?P<epoch>\d+):(?P<rest>.+)")
#: Packages of which several versions are installed at a time, where PROVIDES is not there to tell.
_SEVERAL = late.pattern(r"kernel(?:-(?:core|modules|devel|modules-core|modules-extra|default|uek.*|ml|lt))?|gpg-pubkey")


def _clean(text: str) -> str:
    text = text.strip()
    return "" if text == _NONE else text


def _of_columns(columns: list[str]) -> Package:
    """Return the package of a line: name, architecture, version, install time, size, vendor; then what follows."""
    columns = [*map(_clean, columns), *[""] * 5]
    out = Package(
        manager="rpm",
        name=columns[0],
        architecture=columns[1],
        version=columns[2].removeprefix("0:").removeprefix(f"{_NONE}:"),
        installed_at=number_of(columns[3]),
        size=number_of(columns[4]),
        vendor=columns[5],
    )
    if columns[7].endswith(".rpm"):
        out.license = columns[6]
        source = headers.source_of(columns[7])
        out.source = "" if source == out.name else source
    elif columns[7]:
        # Summary and group, as agents of the GLPI family ask for them.
        out.section = "" if columns[7] == "Unspecified" else columns[7]
    return out


def _of_name(line: str) -> Package | None:
    name, _, rest = line.strip().partition(" ")
    epoch = _BEFORE_EPOCH.fullmatch(name)
    found = _NEVRA.fullmatch(epoch["rest"] if epoch else name)
    if found is None:
        return None
    number = number_of((epoch["epoch"] if epoch else found["epoch"]) or "")
    return Package(
        manager="rpm",
        name=found["name"],
        architecture=found["arch"] or "",
        version=headers.full_version(found["version"], found["release"], number),
        installed_at=seconds_of(rest),
    )


def _of_block(fields: dict[str, str]) -> Package:
    source = headers.source_of(fields.get("source rpm", "").partition(" ")[0])
    name = fields.get("name", "")
    epoch = number_of(fields.get("epoch", ""))
    return Package(
        manager="rpm",
        name=name,
        architecture=_clean(fields.get("architecture", "")),
        version=headers.full_version(fields.get("version", ""), fields.get("release", ""), epoch),
        source="" if source == name else source,
        vendor=_clean(fields.get("vendor", "")),
        license=fields.get("license", "") if name != headers.KEYS else "",
        size=size_of(fields.get("size", "")),
        installed_at=seconds_of(fields.get("install date", "")),
        section=fields.get("group", "").replace("Unspecified", ""),
    )


def parse(text: str) -> Facts:
    """Return the packages.

    :raises UnreadableError: where no line tells of one.
    """
    found: list[Package] = []
    if re.search(r"^Name +: ", text, re.MULTILINE):
        # A description may have blank lines in it: each package begins with its name.
        for block in re.split(r"^(?=Name +: )", text, flags=re.MULTILINE)[1:]:
            head = block.partition("\nDescription")[0].replace("\n\n", "\n")
            found += [_of_block(fields) for fields in blocks(head) if fields.get("version")]
    else:
        for line in text.splitlines():
            columns = line.split("\t")
            package = _of_columns(columns) if len(columns) >= 3 else _of_name(line)
            if package is not None and package.name and package.version:
                found.append(package)
    if not found and text.strip():
        raise UnreadableError("rpm: no line of rpm -qa")
    facts = Facts()
    facts.software.packages.extend(
        headers.identify((package, bool(_SEVERAL.fullmatch(package.name))) for package in found)
    )
    return facts


OUTPUT = Output(command=f"rpm -qa --queryformat '{_COLUMNS}' (or without it, with --last or -i)", parse=parse)
