"""Families of devices, a YAML file each; found because they are there. See docs/dev/add-a-device-profile.md."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path

from driftline_agent.devices.profile import STANDARD, Match, Profile, Ref
from driftline_agent.devices.profiling import vendors
from driftline_agent.devices.profiling.profile_file import load
from driftline_agent.devices.readout import Readout, System
from driftline_agent.devices.snmp.values import Oid
from driftline_agent.errors import ConfigError

_FOLDER = Path(__file__).parent
#: Profiles of the operator's own.
_own: dict[str, Profile] = {}


@cache
def all_profiles() -> Mapping[str, Profile]:
    """Return every profile by name, sorted: whatever stands beside this file, and what :func:`load_folder` added."""
    shipped = {path.stem: load(path) for path in sorted(_FOLDER.glob("*.yaml"))}
    return dict(sorted((shipped | _own).items()))


def load_folder(path: Path) -> Mapping[str, Profile]:
    """Take an operator's own profiles in; one with the name of a shipped one takes its place.

    :raises ConfigError: where the folder or one of its files cannot be used; then none of it is taken.
    """
    if not path.is_dir():
        raise ConfigError(f"profiles: {path} is not a folder; name the one that has your *.yaml")
    found = {file.stem: load(file) for file in sorted(path.glob("*.yaml"))}
    _own.update(found)
    _forget_ranks()
    return found


def forget_own() -> None:
    """Know the shipped profiles alone."""
    _own.clear()
    _forget_ranks()


def _forget_ranks() -> None:
    all_profiles.cache_clear()
    _ranked.cache_clear()


def standard() -> Profile:
    """Return how a device is read by the standard MIBs alone; other profiles fall back to it, source by source."""
    return all_profiles()[STANDARD.name]


Rank = tuple[int, bool]


def ranked(system: System, asking: bool = False) -> list[tuple[Rank, Profile, Match]]:
    """Return what fits, best first: the longest sysObjectID, then whoever looks at sysDescr too.

    :param asking: only matches that a device has to answer something for; otherwise only the others.
    """
    return list(_ranked(system.object_id, system.description, asking))


@lru_cache(1024)
def _ranked(object_id: Oid | None, description: str, asking: bool) -> Sequence[tuple[Rank, Profile, Match]]:
    found = [
        (rank, profile, match)
        for profile in all_profiles().values()
        for match in profile.matches
        if (match.answers is not None) == asking and (rank := match.rank(object_id, description)) is not None
    ]
    return sorted(found, key=lambda one: one[0], reverse=True)


def find(system: System) -> Profile:
    """Return the profile of a device by what its system group says; the standard one where none fits.

    Where sysObjectID and sysDescr do not tell it, :func:`settle` asks further.
    """
    fitting = ranked(system)
    return fitting[0][1] if fitting else replace(standard(), vendor=vendors.of(system.object_id) or "")


async def settle(readout: Readout) -> Profile:
    """Have a poll use the profile that fits best, asking for what tells devices of one sysObjectID apart.

    Asked twice in one poll it asks the device once. A device that does not answer keeps what :func:`find` told.
    """
    plain = ranked(readout.system)
    least: Rank = plain[0][0] if plain else (0, False)
    asked = [
        (profile, match.answers)
        for rank, profile, match in ranked(readout.system, asking=True)
        if rank >= least and match.answers is not None
    ]
    await readout.scalars(*[ref.object for _, ref in asked if ref.row is None])  # together; each is taken from there
    for profile, ref in asked:
        if await _has(readout, ref):
            readout.profile = profile
            break
    return readout.profile


async def _has(readout: Readout, ref: Ref) -> bool:
    if ref.row is None:
        row, _ = await readout.scalars(ref.object)
        return row.kind(ref.object.name) is not None
    return bool(await readout.table(ref.object))
