"""Packages installed by portage (Gentoo). Source: /var/db/pkg/CATEGORY/NAME-VERSION/ (PMS), /var/lib/portage/world."""

from driftline import late
from driftline.v1.facts_pb2 import Package
from driftline_agent.host import Host
from driftline_agent.packages.kept import kept, unique, version_of
from driftline_agent.topic import Reading, Topic

_ROOT = "/var/db/pkg"
_WORLD = "/var/lib/portage/world"
#: PMS 3.2: the version is what looks like one at the end.
NAME = late.pattern(
    r"(?P<name>[A-Za-z0-9+_][A-Za-z0-9+_-]*?)-(?P<version>\d[\d.]*[a-z]?(?:_(?:alpha|beta|pre|rc|p)\d*)*(?:-r\d+)?)"
)


def build(category: str, folder: str, fields: dict[str, str], world: frozenset[str] | None) -> Package | None:
    """Return the package of an installed-package entry; None where its name is none."""
    parts = NAME.fullmatch(folder)
    if parts is None:
        return None
    name = f"{category}/{parts['name']}"
    slot = fields.get("SLOT", "0").partition("/")[0]
    architecture = fields.get("CHOST", "").partition("-")[0]
    size, built = fields.get("SIZE", ""), fields.get("COUNTER_TIME", "")
    return Package(
        manager="portage",
        name=name,
        architecture=architecture if slot in ("", "0") else f"{architecture}@{slot}",
        version=parts["version"],
        license=fields.get("LICENSE", ""),
        repository=fields.get("repository", ""),
        size=int(size) if size.isdecimal() and len(size) < 19 else None,
        installed_at=int(built) if built.isdecimal() else None,
        automatic=None if world is None else name not in world,
    )


def _read(host: Host) -> list[Package]:
    text = host.read(_WORLD)
    world = None if text is None else frozenset(line.partition(":")[0].strip() for line in text.splitlines())
    out: list[Package] = []
    for category in host.names(_ROOT):
        for folder in host.names(f"{_ROOT}/{category}"):
            place = f"{_ROOT}/{category}/{folder}"
            names = ("SLOT", "CHOST", "LICENSE", "repository", "SIZE")
            fields = {name: host.line(f"{place}/{name}") or "" for name in names}
            changed = host.stat(f"{place}/SLOT")
            if changed is not None:
                fields["COUNTER_TIME"] = str(int(changed.st_mtime))
            package = None if folder.startswith("-MERGING-") else build(category, folder, fields, world)
            if package is not None:
                out.append(package)
    return unique(out)


def collect(host: Host) -> Reading:
    """Read every entry; again only where a category's folder changed."""
    categories = (f"{_ROOT}/{category}" for category in host.names(_ROOT))
    reading = Reading()
    reading.facts.software.MergeFrom(
        kept(host, "portage", version_of(host, _ROOT, _WORLD, *categories), lambda: _read(host))
    )
    return reading


TOPIC = Topic(
    revision=1,
    fills=("software.packages",),
    collect=collect,
    applies=lambda host: host.exists(_ROOT),
    watches=(_ROOT,),
)
