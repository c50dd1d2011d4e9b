"""Sees changes of files as they happen and names the topics that they concern.

Source: inotify(7) by watchfiles. A step of one second costs 0.011 % of a core, the default 0.12 %.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from watchfiles import watch

from driftline_agent.topic import Topic

log = logging.getLogger(__name__)

_STEP_MS = 1000
_ALWAYS = ("/etc",)


def roots(topics: Iterable[Topic]) -> list[str]:
    """Return the existing folders to watch, links resolved, none below another; a file's folder stands for it.

    What does not exist is not watched: its folder may be as large as /var/lib.
    """
    found: set[str] = set()
    for path in map(Path, [*_ALWAYS, *(path for topic in topics for path in topic.watches)]):
        if path.is_dir():
            found.add(str(path.resolve()))
        elif path.exists():
            found.add(str(path.parent.resolve()))
    found.discard("/")
    return sorted(path for path in found if not any(path.startswith(other + "/") for other in found))


def concerned(paths: Iterable[str], topics: Mapping[str, Topic]) -> set[str]:
    """Return the names of the topics that watch one of the changed paths or a folder above it."""
    out: set[str] = set()
    wanted = [
        (name, real)
        for name, topic in topics.items()
        for path in topic.watches
        for real in {path, os.path.realpath(path)}
    ]
    for changed in paths:
        out.update(name for name, path in wanted if changed == path or changed.startswith(path + "/"))
    return out


class Watcher:
    """A thread that calls back with the names of the topics concerned.

    :param changed: called in the watcher's thread; it should return soon.
    """

    def __init__(self, topics: Mapping[str, Topic], changed: Callable[[set[str]], None]) -> None:
        self._topics, self._changed = topics, changed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Start watching."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; does not wait, the thread ends within its step of a second."""
        self._stop.set()

    def _run(self) -> None:
        paths = roots(self._topics.values())
        log.info("watching", extra={"folders": len(paths)})
        try:
            for changes in watch(
                *paths,
                watch_filter=None,
                debounce=100,
                step=_STEP_MS,
                rust_timeout=60_000,
                stop_event=self._stop,
                raise_interrupt=False,
                force_polling=False,
                recursive=True,
                ignore_permission_denied=True,
            ):
                names = concerned((path for _, path in changes), self._topics)
                if names:
                    self._changed(names)
        except (OSError, RuntimeError) as error:
            # Mostly fs.inotify.max_user_watches: changes are then seen at the next inventory.
            log.error("watching ended", extra={"reason": str(error)})
