"""What a server is started with."""

from dataclasses import dataclass
from pathlib import Path

from driftline_server.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one server process."""

    #: SQLAlchemy's form, see :class:`driftline_cmdb.database.Database`.
    database_url: str
    #: Directory for `server.json`, which says where the server listens.
    data: Path
    host: str = "127.0.0.1"
    #: 0 takes a free port.
    port: int = 8080
    tls_cert: Path | None = None
    tls_key: Path | None = None
    #: The collector's root certificate, PEM: join tokens carry its fingerprint. None makes no join tokens.
    root_cert: Path | None = None
    #: File of the channels that this server sends notifications to. None writes them to the log.
    channels: Path | None = None
    #: A browser's session ends after this time, s.
    session_s: int = 12 * 3600
    #: Failed logins of one name from one address within :attr:`attempts_window_s` before further ones are refused.
    attempts: int = 5
    #: s.
    attempts_window_s: int = 300

    def __post_init__(self) -> None:
        """Refuse half a TLS configuration."""
        if (self.tls_cert is None) != (self.tls_key is None):
            raise SettingsError("--tls-cert and --tls-key belong together; give both, or neither")

    @property
    def https(self) -> bool:
        """Tell whether this server itself speaks TLS."""
        return self.tls_cert is not None


def parse_listen(text: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``; an IPv6 address stands in brackets.

    :raises SettingsError: where it is none.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise SettingsError(f'--listen: "{text}" is not HOST:PORT, for example 127.0.0.1:8080 or [::]:8080')
    return host.removeprefix("[").removesuffix("]"), int(port)
