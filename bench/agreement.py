"""Identifies recordings of real devices over real SNMP, and says where others make something else of the same bytes.

    python bench/agreement.py                 # a table per field, and every disagreement
    python bench/agreement.py --json          # the same for programs
    python bench/agreement.py --folder FOLDER # over recordings of your own; answers beside them are not needed

What others say stands beside the recordings: LibreNMS's expected answer (NAME.json), glpi-agent's (NAME.glpi-*.xml).
Texts agree where they are equal but for case, blanks and signs, or where one names the other whole ("7.2.10" and
"v7.2.10,build1706"). Neither is right because it stands there: a disagreement is to be looked at.
Entities are rows of entPhysicalTable, as the others count; driftline's components are those that are no sensor and no
container that holds nothing.
"""

import argparse
import asyncio
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support import readouts, recorded  # noqa: E402
from tests.support.corpora import corpus  # noqa: E402
from tests.support.readouts import Polled  # noqa: E402

from driftline_agent.devices.topic import all_topics  # noqa: E402  # found by the line above

FIELDS = ("vendor", "model", "version", "serial", "os", "interfaces", "entities")
#: What a recording's name stands for where it hides something: it was blanked before it was published.
_BLANKED = frozenset({"<private>", "unknown", ""})


@dataclass(frozen=True, slots=True)
class Compared:
    """One field of one device beside a peer's word."""

    device: str
    peer: str
    field: str
    ours: str | None
    theirs: str | None

    @property
    def verdict(self) -> str:
        """agree, differ, only we, only they, neither."""
        if self.ours is None or self.theirs is None:
            return "neither" if self.ours == self.theirs else "only they" if self.ours is None else "only we"
        return "agree" if agree(self.ours, self.theirs) else "differ"


def agree(ours: str, theirs: str) -> bool:
    """Tell whether two texts say the same; see the module."""
    one, other = (re.sub(r"[^a-z0-9.]+", "", text.lower()) for text in (ours, theirs))
    if ours.isdigit() and theirs.isdigit():
        return ours == theirs
    shorter, longer = sorted((one, other), key=len)
    return bool(shorter) and (one == other or (len(shorter) > 2 and shorter in longer))


def ours(polled: Polled) -> dict[str, str | None]:
    """Return what driftline makes of a device; counts only where a topic counted."""
    facts = polled.facts
    system = facts.hardware.system
    counts = {
        "interfaces": len(facts.network.interfaces) + len(facts.network.passing_interfaces),
        "entities": polled.rows,
    }
    texts = {
        "vendor": system.manufacturer,
        "model": system.product,
        "version": facts.os.release.version,
        "serial": system.serial_number,
        "os": facts.os.release.id,
    }
    return {name: text or None for name, text in texts.items()} | {
        name: str(count) if count else None for name, count in counts.items()
    }


def librenms(path: Path) -> dict[str, str | None]:
    """Return LibreNMS's expected answer."""
    said: Any = json.loads(path.read_text())

    def rows(module: str, table: str) -> list[Any]:
        for phase in ("poller", "discovery"):
            found = said.get(module, {}).get(phase)
            if isinstance(found, dict) and table in found:
                return list(found[table])
        return []

    device = rows("os", "devices")[0]
    found = {"model": device.get("hardware"), "version": device.get("version"), "serial": device.get("serial")}
    found |= {"os": device.get("os")}
    counts = {"interfaces": len(rows("ports", "ports")), "entities": len(rows("entity-physical", "entPhysical"))}
    return _without_blanks(found | {name: str(count) if count else None for name, count in counts.items()})


def glpi(discovery: Path, inventory: Path) -> dict[str, str | None]:
    """Return glpi-agent's answer."""
    device = ElementTree.parse(discovery).getroot().find("CONTENT/DEVICE")
    if device is None:
        return {}
    names = {"vendor": "MANUFACTURER", "model": "MODEL", "version": "FIRMWARE", "serial": "SERIAL"}
    found = {name: device.findtext(tag) for name, tag in names.items()}
    if inventory.exists():
        root = ElementTree.parse(inventory).getroot()
        counts = {"interfaces": len(root.findall(".//PORT")), "entities": len(root.findall(".//COMPONENT"))}
        found |= {name: str(count) if count else None for name, count in counts.items()}
    return _without_blanks(found)


def _without_blanks(found: Mapping[str, Any]) -> dict[str, str | None]:
    return {name: None if text is None or str(text).lower() in _BLANKED else str(text) for name, text in found.items()}


async def all_polled(folder: Path, names: list[str]) -> dict[str, Polled]:
    """Poll every recording, one after the other."""
    with recorded.serve({name: recorded.read(folder / f"{name}.snmprec") for name in names}) as port:
        return {name: await readouts.polled(port, name, all_topics()) for name in names}


def compare(folder: Path, polls: Mapping[str, Polled]) -> Iterator[Compared]:
    """Yield every field of every device that a peer has a word on."""
    for name, polled in polls.items():
        mine = ours(polled)
        peers = {}
        if (expected := folder / f"{name}.json").exists():
            peers["librenms"] = librenms(expected)
        discovery = folder / f"{name}.glpi-netdiscovery.xml"
        if discovery.exists():
            peers["glpi"] = glpi(discovery, folder / f"{name}.glpi-netinventory.xml")
        for peer, theirs in peers.items():
            for field in FIELDS:
                if field in theirs:
                    yield Compared(name, peer, field, mine[field], theirs[field])


def table(results: list[Compared]) -> Iterator[str]:
    """Yield the table, and the disagreements, as lines."""
    verdicts = ("agree", "differ", "only we", "only they", "neither")
    counted = Counter((one.peer, one.field, one.verdict) for one in results)
    yield f"{'peer':10}{'field':12}" + "".join(f"{verdict:>11}" for verdict in verdicts)
    for peer in ("librenms", "glpi"):
        for field in FIELDS:
            row = [counted[peer, field, verdict] for verdict in verdicts]
            if any(row):
                yield f"{peer:10}{field:12}" + "".join(f"{count:>11}" for count in row)
    for one in results:
        if one.field != "os" and one.verdict in ("differ", "only they"):
            yield f"{one.device}: {one.field}: {one.peer} says {one.theirs!r}, we {one.ours!r}"


def said(polls: Mapping[str, Polled]) -> Iterator[str]:
    """Yield what each device is read as, a line each, and what of it could not be read."""
    for name, polled in polls.items():
        found = {"profile": polled.profile.name, "class": polled.profile.ci_class} | ours(polled)
        yield f"{name}: " + ", ".join(f"{field} {text!r}" for field, text in found.items() if text)
        yield from (f"{name}: {place} is unreadable: {why}" for place, why in sorted(polled.unreadable.items()))


def main() -> int:
    """Print what there is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--json", action="store_true", help="print for programs")
    parser.add_argument("--folder", type=Path, help="where NAME.snmprec are, with NAME.json or NAME.glpi-*.xml beside")
    arguments = parser.parse_args()
    folder: Path = arguments.folder or corpus("snmp")
    names = sorted(path.stem for path in folder.glob("*.snmprec"))
    if not names:
        parser.error(f"no *.snmprec in {folder}; name a folder that has recordings")
    polls = asyncio.run(all_polled(folder, names))
    results = list(compare(folder, polls))
    if arguments.json:
        print(json.dumps([asdict(one) | {"verdict": one.verdict} for one in results], indent=1))
    else:
        print("\n".join(table(results)))
        if arguments.folder:
            print("\n".join(said(polls)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
