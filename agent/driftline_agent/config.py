"""The agent's configuration: a TOML file, overridden by the command line; every setting stands in docs/agent.md."""

import os
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from driftline_agent.choices import CERTIFICATES_ROOTS, CONTAINER_SOCKETS, CUSTOM_FOLDERS, PYTHON_ROOTS, Choices
from driftline_agent.errors import ConfigError
from driftline_agent.firewall.client import DEFAULT_SOCKET as DEFAULT_FIREWALL
from driftline_agent.reader.allowed import FILES_ROOTS, parts_of
from driftline_agent.reader.client import DEFAULT_SOCKET
from driftline_agent.settings import TEXT_BYTES, Settings
from driftline_agent.watchlist import Watchlist

DEFAULT_FILE = Path("/etc/driftline/agent.toml")
DEFAULT_STATE = Path("/var/lib/driftline-agent")
DEFAULT_READER = Path(DEFAULT_SOCKET)
TOKEN_VARIABLE = "DRIFTLINE_JOIN_TOKEN"  # noqa: S105  # the variable's name


@dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds between the agent's own doings; the collector may ask for others within the bounds."""

    #: Between full inventories: 60 to 86400.
    inventory_s: int = 3600
    #: Between check-ins, where the collector has no wish: 5 to 3600.
    check_in_s: int = 60
    #: Between samples of utilization: 1 to 60.
    sample_s: int = 10
    #: Between readings of what cannot be watched, because a limit of the kernel is in the way: 30 to 86400.
    unwatched_s: int = 300


#: Settings that turn on what is off unless they do.
_OFF_BY_DEFAULT = ("containers", "custom")
_BOUNDS = {"inventory_s": (60, 86400), "check_in_s": (5, 3600), "sample_s": (1, 60), "unwatched_s": (30, 86400)}


@dataclass(frozen=True, slots=True)
class Config:
    """All settings."""

    #: Enrol address, host:port. Needed until the agent has enrolled.
    collector: str | None = None
    #: Report address, host:port, where it is another one than the collector names at enrolment.
    report: str | None = None
    #: Folder for identity, spool and memory.
    state: Path = DEFAULT_STATE
    #: File with the join token.
    token_file: Path | None = None
    #: User to become where it is started as root; None stays root.
    user: str | None = None
    #: Socket of the reader, for what this process may not read itself.
    reader: Path = DEFAULT_READER
    #: Socket of the process that may see the packet filter's rules.
    firewall: Path = Path(DEFAULT_FIREWALL)
    #: File of network devices to speak for, see docs/devices.md; None speaks for this host alone.
    devices: Path | None = None
    #: Topics to read; None reads all.
    topics: tuple[str, ...] | None = None
    #: Folders that may be read; None allows all.
    readable_roots: tuple[str, ...] | None = None
    #: Folders of configuration files, see topic files.
    files_roots: tuple[str, ...] = FILES_ROOTS
    #: Patterns of files below them that are left out, besides :data:`driftline_agent.watchlist.LEFT_OUT`.
    files_exclude: tuple[str, ...] = ()
    #: Folders that certificates are looked for in, see topic certificates.
    certificates_roots: tuple[str, ...] = CERTIFICATES_ROOTS
    #: Tell of the facts, and run the programs, that stand in `custom_folders`.
    custom: bool = False
    #: Folders with custom facts, of root only.
    custom_folders: tuple[str, ...] = CUSTOM_FOLDERS
    #: Folders below which environments of Python are looked for.
    python_roots: tuple[str, ...] = PYTHON_ROOTS
    #: Ask container engines what they run; their sockets are as good as root.
    containers: bool = False
    #: Sockets of container engines.
    container_sockets: tuple[str, ...] = CONTAINER_SOCKETS
    #: Bytes of the largest of them whose text is reported, secrets redacted; 0 reports none: 0 to 262144.
    files_text_bytes: int = TEXT_BYTES
    #: Patterns of files closed to other users whose text is reported all the same.
    files_text_closed: tuple[str, ...] = ()
    #: Bytes that unsent reports may take on the disk: 1 MiB to 16 GiB.
    spool_bytes: int = 64 << 20
    #: Report changes as they happen; otherwise only at the next inventory.
    watch: bool = True
    intervals: Intervals = field(default_factory=Intervals)

    @property
    def watchlist(self) -> Watchlist:
        """Which files topic files tells of."""
        return Watchlist(self.files_roots, self.files_exclude)

    @property
    def choices(self) -> Choices:
        """What else topics are told."""
        return Choices(
            certificates_roots=self.certificates_roots,
            custom_folders=self.custom_folders if self.custom else (),
            python_roots=self.python_roots,
            container_sockets=self.container_sockets if self.containers else (),
        )

    @property
    def settings(self) -> Settings:
        """What topic agent tells of."""
        return Settings(
            topics=self.topics,
            readable_roots=self.readable_roots,
            files_roots=self.files_roots,
            files_exclude=self.files_exclude,
            files_text_bytes=self.files_text_bytes,
            files_text_closed=self.files_text_closed,
            watch=self.watch,
            inventory_s=self.intervals.inventory_s,
            enabled=tuple(name for name in _OFF_BY_DEFAULT if getattr(self, name)),
        )


#: Settings that are lists of paths.
_PATHS = frozenset(
    {
        "files_roots",
        "files_exclude",
        "certificates_roots",
        "custom_folders",
        "python_roots",
        "container_sockets",
        "files_text_closed",
    }
)


def reader_key(state: Path) -> Path:
    """Return where the reader's key is: beside the agent's state folder, because the agent must not have it."""
    return state.with_name(f"{state.name}-reader") / "seal.key"


def _typed(file: str, name: str, value: Any, wanted: type, text: str) -> Any:
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is int):
        raise ConfigError(f"{file}: {name}: {value!r} is not {text}")
    return value


def _between(file: str, name: str, value: Any, low: int, high: int) -> int:
    number: int = _typed(file, name, value, int, "a whole number")
    if not low <= number <= high:
        raise ConfigError(f"{file}: {name}: {number} is out of bounds; write {low} to {high}")
    return number


def _strings(file: str, name: str, value: Any) -> tuple[str, ...]:
    for entry in _typed(file, name, value, list, "a list of texts"):
        _typed(file, name, entry, str, "a text")
    return tuple(value)


def _plain(file: str, name: str, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not parts_of(value) and not (name in ("files_exclude", "files_text_closed") and parts_of("/" + value)):
            raise ConfigError(f'{file}: {name}: "{value}" is not a plain, absolute path; write it like "/etc/app"')
    return values


def parse(text: str, file: str) -> Config:
    """Return the configuration of a TOML text.

    :param file: its name, for messages.
    :raises ConfigError: where it is no TOML, or a setting is unknown or of the wrong kind.
    """
    import tomllib  # most calls of `facts` find no file to read

    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: {str(error)[:1].lower()}{str(error)[1:]}") from error
    known = {entry.name for entry in fields(Config)}
    out: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise ConfigError(f'{file}: there is no setting "{name}"; there are {", ".join(sorted(known))}')
        if name in ("collector", "report", "user"):
            out[name] = _typed(file, name, value, str, "a text")
        elif name in ("state", "token_file", "reader", "firewall", "devices"):
            out[name] = Path(_typed(file, name, value, str, "a path"))
        elif name in ("topics", "readable_roots"):
            out[name] = _strings(file, name, value)
        elif name in _PATHS:
            out[name] = _plain(file, name, _strings(file, name, value))
        elif name in ("watch", "custom", "containers"):
            out[name] = _typed(file, name, value, bool, "true or false")
        elif name == "files_text_bytes":
            out[name] = _between(file, name, value, 0, 1 << 18)
        elif name == "spool_bytes":
            out[name] = _between(file, name, value, 1 << 20, 1 << 34)
        else:
            out[name] = _intervals(file, _typed(file, name, value, dict, "a table"))
    return Config(**out)


def _intervals(file: str, values: dict[str, Any]) -> Intervals:
    for name, value in values.items():
        if name not in _BOUNDS:
            raise ConfigError(f'{file}: there is no setting "intervals.{name}"; there are {", ".join(_BOUNDS)}')
        _between(file, f"intervals.{name}", value, *_BOUNDS[name])
    return Intervals(**values)


def load(file: Path | None, state: Path | None = None) -> Config:
    """Return the configuration of a file; without one, the default file's where that exists.

    :param state: overrides the file's state folder.
    :raises ConfigError: where the file cannot be read or used.
    """
    path = file or DEFAULT_FILE
    try:
        text = path.read_text()
    except FileNotFoundError as error:
        if file is not None:
            raise ConfigError(f"configuration {path}: no such file") from error
        text = ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"configuration {path}: {error}") from error
    config = parse(text, str(path))
    return config if state is None else replace(config, state=state)


def join_token(config: Config) -> str | None:
    """Return the join token of the environment or of the configured file, or None where there is none.

    :raises ConfigError: where the file cannot be read.
    """
    given = os.environ.get(TOKEN_VARIABLE)
    if given:
        return given
    if config.token_file is None:
        return None
    try:
        return config.token_file.read_text().strip() or None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"token_file {config.token_file}: {error}") from error
