"""apk's database of what is installed. Source: /lib/apk/db/installed, format of apk-tools' package.c and database.c.

A paragraph a package, a letter and a colon before each value. Files follow their folder: F: folder, R: name.
"""

from collections.abc import Iterator

from driftline.v1.facts_pb2 import Package
from driftline_agent.host import Host

#: Where it stands; since apk-tools 3 below /usr.
FOLDERS = ("/lib/apk/db", "/usr/lib/apk/db")
WORLD = "/etc/apk/world"


def find(host: Host) -> str | None:
    """Return the path of the database; None where there is none."""
    return next((f"{folder}/installed" for folder in FOLDERS if host.exists(f"{folder}/installed")), None)


def parse(text: str, world: frozenset[str] | None = None) -> list[Package]:
    """Return the packages.

    :param world: names that someone asked for; None where that is not known.
    """
    out: list[Package] = []
    for paragraph in text.split("\n\n"):
        fields: dict[str, str] = {}
        for line in paragraph.split("\n"):
            if line[1:2] == ":":
                if line[0] in "FRaZM":
                    continue
                fields.setdefault(line[0], line[2:])
        name = fields.get("P", "")
        if not name:
            continue
        size = fields.get("I", "")
        source = fields.get("o", "")
        out.append(
            Package(
                manager="apk",
                name=name,
                architecture=fields.get("A", ""),
                version=fields.get("V", ""),
                source="" if source == name else source,
                vendor=fields.get("m", ""),
                license=fields.get("L", ""),
                size=int(size) if size.isdecimal() and len(size) < 19 else None,
                automatic=None if world is None else name not in world,
            )
        )
    return out


def parse_world(text: str) -> dict[str, str]:
    """Return what follows each name of /etc/apk/world: a version, a tag, nothing (apk-world(5)); conflicts left out."""
    out: dict[str, str] = {}
    for word in text.split():
        if word[0] in "!#":
            continue
        end = min((word.find(mark) for mark in "=<>~@" if mark in word), default=len(word))
        out[word[:end]] = word[end:]
    return out


def files(text: str) -> Iterator[tuple[str, str]]:
    """Yield package and path of each file and folder."""
    name = folder = ""
    for line in text.split("\n"):
        if line.startswith("P:"):
            name, folder = line[2:], ""
        elif line.startswith("F:"):
            folder = line[2:]
            yield name, f"/{folder}"
        elif line.startswith("R:"):
            yield name, f"/{folder}/{line[2:]}" if folder else f"/{line[2:]}"
