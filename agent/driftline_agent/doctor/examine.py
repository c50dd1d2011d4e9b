"""Runs all that the doctor looks at, in the order in which one thing needs the other."""

from collections.abc import Callable, Iterator
from pathlib import Path

from driftline_agent import config as configs
from driftline_agent.config import DEFAULT_FILE, Config
from driftline_agent.doctor import installation, reading
from driftline_agent.doctor.finding import BAD, GOOD, Finding
from driftline_agent.errors import AgentError, ConfigError

_LOOKS: tuple[Callable[[Config], Iterator[Finding]], ...] = (
    installation.state_folder,
    installation.certificate,
    installation.waiting,
    installation.watching,
    # Before anything of gRPC: the child that becomes the agent's user is forked.
    reading.topics,
)


def examine(file: Path | None, state: Path | None) -> Iterator[Finding]:
    """Yield what there is to say, one thing at a time.

    :param file: configuration; the default one where None.
    :param state: overrides its state folder.
    """
    try:
        config = configs.load(file, state)
    except ConfigError as error:
        yield Finding(BAD, "configuration", str(error), "mend the file")
        return
    there = (file or DEFAULT_FILE).exists()
    yield Finding(GOOD, "configuration", str(file or DEFAULT_FILE) if there else "no file, all settings are defaults")
    for look in _LOOKS:
        yield from _safely(look, config)
    from driftline_agent.doctor.collector import collector

    yield from _safely(collector, config)


def _safely(look: Callable[[Config], Iterator[Finding]], config: Config) -> Iterator[Finding]:
    try:
        yield from look(config)
    except (AgentError, OSError) as error:  # the boundary of one look: its failure is what it found
        yield Finding(BAD, look.__name__.replace("_", " "), str(error))
