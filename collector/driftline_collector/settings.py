"""Settings: what an operator decides. Read from TOML; the same names as in the file, all of them optional."""

import dataclasses
import tomllib
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple, Self

from driftline_cmdb.drift.silence import SILENT_AFTER_MS
from driftline_collector.errors import SettingsError


class Address(NamedTuple):
    """A host and a port to listen at; port 0 takes a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, name: str, text: str) -> Self:
        """Read ``host:port``; an IPv6 address stands in brackets.

        :param name: the setting, for the message.
        :raises SettingsError: where it is none.
        """
        host, colon, port = text.rpartition(":")
        if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise SettingsError(f'{name}: "{text}" is not host:port, for example 0.0.0.0:7443')
        return cls(host.removeprefix("[").removesuffix("]"), int(port))


_ENROL = Address("0.0.0.0", 7443)  # noqa: S104  # agents of the whole network come here
_REPORT = Address("0.0.0.0", 7444)  # noqa: S104  # and here
_METRICS = Address("127.0.0.1", 7445)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; docs/collector.md explains each."""

    #: SQLAlchemy's form: sqlite:////var/lib/driftline/driftline.db, postgresql+psycopg://...
    database: str
    #: Directory of keys, certificates and ports.json.
    data: Path
    enrol_listen: Address = _ENROL
    report_listen: Address = _REPORT
    metrics_listen: Address = _METRICS
    #: What agents are told to report to; by default the host they enrolled at, with the report port.
    report_address: str = ""
    #: Names and addresses of this collector, for its certificate.
    names: tuple[str, ...] = ()
    #: Life of a client certificate, hours.
    client_certificate_hours: int = 24
    #: How long after its end a client certificate can be renewed, days.
    renew_days: int = 30
    #: Enrol port: calls of one peer (an IPv4 address or an IPv6 /64) and of all, a second.
    enrol_rate_peer: float = 2.0
    enrol_rate_all: float = 50.0
    #: Enrol port: calls that may come at once before the rate holds.
    enrol_burst_peer: int = 30
    enrol_burst_all: int = 200
    #: Report port: calls at a time; more are told to come back.
    concurrent_calls: int = 64
    #: Calls at a time of one source.
    concurrent_calls_source: int = 4
    #: Seconds after which a connection is closed, so that agents spread over collectors.
    connection_age_s: int = 300
    #: Reports that one transaction takes, and that may wait for one.
    commit_batch: int = 50
    commit_queue: int = 200
    #: Bounds of the time between check-ins, seconds.
    check_in_min_s: int = 15
    check_in_max_s: int = 300
    #: Seconds between full inventories.
    inventory_interval_s: int = 3600
    #: Silence of a source after which it is a finding, seconds.
    silence_after_s: int = SILENT_AFTER_MS // 1000
    #: Hours between verifications of the record.
    integrity_interval_h: int = 24
    #: Days after which a CI in use that was not seen is a deficiency.
    integrity_unseen_days: int = 7

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int | float) and not isinstance(value, bool) and value <= 0:
                raise SettingsError(f"{field.name}: {value} is not above 0")
        if self.check_in_min_s > self.check_in_max_s:
            raise SettingsError(f"check_in_min_s: {self.check_in_min_s} is above check_in_max_s")


def load(path: Path | None, overrides: dict[str, Any]) -> Settings:
    """Read settings from a TOML file, if any; what `overrides` names goes before it.

    :raises SettingsError: where the file is missing or malformed, or a setting is unknown, missing or unusable.
    """
    given: dict[str, Any] = {}
    if path is not None:
        try:
            given = tomllib.loads(path.read_text())
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsError(f"{path}: {error}") from error
    given |= {name: value for name, value in overrides.items() if value is not None}
    fields = {field.name: field for field in dataclasses.fields(Settings)}
    for name in given:
        if name not in fields:
            raise SettingsError(f"{name}: no such setting; docs/collector.md lists them")
    for name in ("database", "data"):
        if name not in given:
            raise SettingsError(f"{name}: is missing; set it in the file or with --{name}")
    return Settings(**{name: _typed(name, fields[name].default, value) for name, value in given.items()})


def _typed(name: str, default: object, value: Any) -> Any:
    """Bring a value from TOML or the command line to its setting's type, which the default shows."""
    if name == "data" and isinstance(value, str | Path):
        return Path(value).absolute()
    if isinstance(default, Address) and isinstance(value, str):
        return Address.parse(name, value)
    if type(default) is tuple and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if isinstance(default, float) and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(default, int) and isinstance(value, int) and not isinstance(value, bool):
        return value
    if (isinstance(default, str) or name == "database") and isinstance(value, str):
        return value
    raise SettingsError(f"{name}: {value!r} has the wrong type; docs/collector.md says what it takes")


def is_ip(name: str) -> bool:
    """Tell whether a name is an address."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
