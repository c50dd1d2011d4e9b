"""What is watched of the file tree, and which topics an event there concerns.

A watched folder counts with all below it. A watched path that is not there yet is waited for at the nearest folder that
is; links on the way are resolved, and watched for being replaced. Below /proc and /sys a folder counts alone: the
kernel tells of writes there, not of what comes and goes.
"""

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from driftline_agent import inotify
from driftline_agent.inotify import Event, Inotify, limit_of

_CHANGES = inotify.ATTRIB | inotify.CLOSE_WRITE | inotify.MODIFY
_NAMES = inotify.MOVED_FROM | inotify.MOVED_TO | inotify.CREATE | inotify.DELETE
_SELF = inotify.DELETE_SELF | inotify.MOVE_SELF
_WHOLE = _CHANGES | _NAMES | _SELF
#: Folders of one root that are watched at most.
MAX_FOLDERS = 20_000
_MAX_LINKS = 40
_FLAT = ("/proc/", "/sys/")


@dataclass(slots=True)
class Place:
    """A folder or file that is watched."""

    path: str
    mask: int = 0
    #: Topics that everything in it concerns.
    topics: frozenset[str] = frozenset()
    #: Topics that one name in it concerns; what it leads to may be another thing afterwards.
    names: dict[str, frozenset[str]] = field(default_factory=dict)
    #: It is the top of what a topic watches.
    top: bool = False
    #: What is a folder in it is watched too.
    deep: bool = False


@dataclass(slots=True)
class Seen:
    """What a look at the events told."""

    #: Topics concerned.
    topics: set[str] = field(default_factory=set)
    #: Topics concerned by a file that is still open for writing: more may come.
    unfinished: set[str] = field(default_factory=set)


def steps_of(path: str) -> tuple[list[tuple[str, str]], str | None]:
    """Follow a path: return the (folder, name) that decide where it leads, and where it leads; None for nowhere.

    The steps are the links on the way, and last the name that is not there, or the file.
    """
    steps: list[tuple[str, str]] = []
    rest = [part for part in path.split("/") if part]
    here, links = "", 0
    while rest:
        name = rest.pop(0)
        if name == ".":
            continue
        if name == "..":
            here = here.rpartition("/")[0]
            continue
        try:
            mode = os.lstat(f"{here}/{name}").st_mode
        except (FileNotFoundError, NotADirectoryError):
            steps.append((here or "/", name))
            return steps, None
        except OSError:
            return steps, None  # may not be looked at: neither may it be watched
        if stat.S_ISLNK(mode):
            links += 1
            steps.append((here or "/", name))
            target = os.readlink(f"{here}/{name}")  # noqa: PTH115  # a whole plan is some hundred of them
            if links > _MAX_LINKS:
                return steps, None
            rest = [part for part in target.split("/") if part] + rest
            here = "" if target.startswith("/") else here
        else:
            if not stat.S_ISDIR(mode):
                steps.append((here or "/", name))
                return steps, None if rest else f"{here}/{name}"
            here = f"{here}/{name}"
    return steps, here or "/"


class Trees:
    """Watches what topics ask for.

    :param watches: paths by topic.
    :raises OSError: where the kernel gives no inotify instance.
    """

    def __init__(self, watches: Mapping[str, Iterable[str]]) -> None:
        self._watches = {name: tuple(paths) for name, paths in watches.items()}
        self._inotify = Inotify()
        self._places: dict[int, Place] = {}
        self._numbers: dict[str, int] = {}
        #: Topics whose paths are not all watched, with the reason.
        self.blind: dict[str, str] = {}
        self.plan()

    def fileno(self) -> int:
        """Return the descriptor, for poll(2)."""
        return self._inotify.fileno()

    def close(self) -> None:
        """Watch nothing any more."""
        self._inotify.close()

    @property
    def paths(self) -> list[str]:
        """What is watched, sorted."""
        return sorted(self._numbers)

    def plan(self) -> None:
        """Look the paths up anew: watch what is there now, and no more what is not."""
        wanted: dict[str, Place] = {}
        self.blind = {}
        for topic, paths in self._watches.items():
            for path in paths:
                self._want(wanted, topic, path)
        for path in self._numbers.keys() - wanted.keys():
            self._forget(path)
        new = [place for path, place in wanted.items() if path not in self._numbers]
        for place in wanted.values():
            # What a folder tells of a file in it is enough; where only names are watched, the file is watched itself.
            above = wanted.get(place.path.rpartition("/")[0])
            if place.mask & _NAMES or above is None or not above.deep:
                self._watch(place)
        for place in new:
            if place.deep:  # folders that came while it was not watched yet
                self._grow_below(place.path, place.topics)

    def _want(self, wanted: dict[str, Place], topic: str, path: str) -> None:
        def at(folder: str) -> Place:
            return wanted.setdefault(folder, Place(folder))

        steps, end = steps_of(path)
        for folder, name in steps:
            place = at(folder)
            place.mask |= _NAMES
            place.names[name] = place.names.get(name, frozenset()) | {topic}
        if end is None:
            return
        top = at(end)
        top.topics |= {topic}
        top.top = True
        if steps and f"{steps[-1][0].rstrip('/')}/{steps[-1][1]}" == end:  # a file
            top.mask |= _CHANGES | _SELF
            return
        top.mask |= _WHOLE
        if end == "/" or end.startswith(_FLAT):
            return
        top.deep = True
        for count, folder in enumerate(self._below(end)):
            place = at(folder)
            place.mask |= _WHOLE
            place.topics |= {topic}
            place.deep = True
            if count > MAX_FOLDERS:
                self.blind[topic] = f"more than {MAX_FOLDERS} folders below {path}"
                return

    @staticmethod
    def _below(folder: str) -> Iterable[str]:
        waiting = [folder]
        while waiting:
            try:
                with os.scandir(waiting.pop()) as entries:
                    found = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
            except OSError:
                continue  # gone, or closed to this process
            yield from found
            waiting += found

    def _watch(self, place: Place) -> None:
        """Watch a place; a limit that is in the way makes its topics blind."""
        try:
            number = self._inotify.add(place.path, place.mask)
        except OSError as error:
            limit = limit_of(error)
            if limit is not None:
                self.blind.update(
                    dict.fromkeys(place.topics | {topic for names in place.names.values() for topic in names}, limit)
                )
            self._forget(place.path)
            return
        before = self._numbers.get(place.path)
        if before is not None and before != number:
            self._forget(place.path)
        other = self._places.get(number)
        if other is not None and other.path != place.path:
            self._numbers.pop(other.path, None)  # the same folder, by its new name
        self._places[number], self._numbers[place.path] = place, number

    def _forget(self, path: str) -> None:
        number = self._numbers.pop(path, None)
        if number is not None and self._places.pop(number, None) is not None:
            self._inotify.remove(number)

    def look(self) -> Seen:
        """Take up what has happened since the last look."""
        seen = Seen()
        again = False
        for event in self._inotify.read():
            if event.mask & inotify.OVERFLOW:
                seen.topics.update(self._watches)
                again = True
                continue
            place = self._places.get(event.watch)
            if place is None:
                continue
            if event.mask & (inotify.IGNORED | inotify.UNMOUNT):
                self._places.pop(event.watch, None)
                self._numbers.pop(place.path, None)
                again = again or place.top or bool(place.names)
                continue
            again = self._take(place, event, seen) or again
        if again:
            self.plan()
        seen.unfinished -= seen.topics
        return seen

    def _take(self, place: Place, event: Event, seen: Seen) -> bool:
        """Note whom an event concerns; tell whether what is to be watched may be another now."""
        named = place.names.get(event.name, frozenset()) if event.name else frozenset()
        concerned = place.topics | named
        if event.mask & _WHOLE == inotify.MODIFY and not place.path.startswith(_FLAT):
            seen.unfinished |= concerned
            return False
        seen.topics |= concerned
        if event.mask & _SELF:
            return place.top or bool(place.names)
        path = f"{place.path.rstrip('/')}/{event.name}"
        if named and event.mask & _NAMES:
            return not place.deep or not _plain(path)
        if place.deep and event.mask & inotify.ISDIR:
            if event.mask & (inotify.CREATE | inotify.MOVED_TO):
                self._grow(path, place.topics)
            elif event.mask & inotify.MOVED_FROM:
                for known in [one for one in self._numbers if one == path or one.startswith(path + "/")]:
                    self._forget(known)
        return False

    def _grow(self, folder: str, topics: frozenset[str]) -> None:
        """Watch a folder that has appeared, and those in it."""
        if len(self._numbers) < 4 * MAX_FOLDERS:
            self._watch(Place(folder, _WHOLE, topics, deep=True))
            self._grow_below(folder, topics)

    def _grow_below(self, folder: str, topics: frozenset[str]) -> None:
        try:
            with os.scandir(folder) as entries:
                found = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            return
        for path in found:
            if path not in self._numbers:
                self._grow(path, topics)


def _plain(path: str) -> bool:
    """Tell whether a path is a file, or nothing: a link or a folder leads further."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return True
    return not stat.S_ISLNK(mode) and not stat.S_ISDIR(mode)
