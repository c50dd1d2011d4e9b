"""The two gRPC servers: threads, limits, TLS."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import grpc

from driftline_collector.authority.authority import Authority
from driftline_collector.errors import SettingsError
from driftline_collector.service.checks import ENROL_MESSAGE, REPORT_MESSAGE
from driftline_collector.service.edge import Edge
from driftline_collector.settings import Address, Settings

#: Threads of the enrol port: a signature takes less than a millisecond.
_ENROL_THREADS = 4
_ENROL_CALLS = 32


class Register(Protocol):
    """Puts services on a server."""

    def __call__(self, server: grpc.Server) -> None:
        """Put them there."""


def enrol_server(settings: Settings, authority: Authority, edge: Edge, register: Register) -> tuple[grpc.Server, int]:
    """Return the enrol port's server, not started, and its port.

    :raises SettingsError: where the address cannot be listened at.
    """
    server = grpc.server(
        ThreadPoolExecutor(_ENROL_THREADS, "enrol"),
        interceptors=[edge],
        options=_options(ENROL_MESSAGE, connection_age_s=30),
        maximum_concurrent_rpcs=_ENROL_CALLS,
    )
    register(server)
    return server, _listen(server, "enrol_listen", settings.enrol_listen, _credentials(authority, clients=False))


def report_server(settings: Settings, authority: Authority, edge: Edge, register: Register) -> tuple[grpc.Server, int]:
    """Return the report port's server, not started, and its port.

    :raises SettingsError: where the address cannot be listened at.
    """
    server = grpc.server(
        ThreadPoolExecutor(settings.concurrent_calls, "report"),
        interceptors=[edge],
        options=_options(REPORT_MESSAGE, settings.connection_age_s),
        maximum_concurrent_rpcs=settings.concurrent_calls,
    )
    register(server)
    return server, _listen(server, "report_listen", settings.report_listen, _credentials(authority, clients=True))


def _options(message: int, connection_age_s: int) -> list[tuple[str, int]]:
    # Meaning: https://grpc.github.io/grpc/core/group__grpc__arg__keys.html
    return [
        ("grpc.max_receive_message_length", message),
        ("grpc.max_metadata_size", 8 * 1024),
        ("grpc.max_concurrent_streams", 100),
        ("grpc.max_connection_age_ms", connection_age_s * 1000),
        ("grpc.max_connection_age_grace_ms", 60_000),
        ("grpc.max_connection_idle_ms", 60_000),
        ("grpc.server_handshake_timeout_ms", 10_000),
        ("grpc.keepalive_time_ms", 60_000),
        # Two collectors must not share a port by mistake: each would get half of the agents.
        ("grpc.so_reuseport", 0),
    ]


def _credentials(authority: Authority, *, clients: bool) -> grpc.ServerCredentials:
    """Return credentials that follow the authority's rotation without a restart."""
    current = authority.server_pair()

    def configuration() -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration([current], authority.root_pem if clients else None)

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        nonlocal current
        if authority.server_pair() == current:
            return None  # keep what is in use
        current = authority.server_pair()
        return configuration()

    fetcher: Callable[[], grpc.ServerCertificateConfiguration] = fetch  # type: ignore[assignment]  # None means: unchanged
    return grpc.dynamic_ssl_server_credentials(configuration(), fetcher, require_client_authentication=clients)


def _listen(server: grpc.Server, name: str, address: Address, credentials: grpc.ServerCredentials) -> int:
    try:
        port = server.add_secure_port(str(address), credentials)
    except RuntimeError as error:
        raise SettingsError(
            f"{name}: cannot listen at {address}: the port is in use, or the address not ours"
        ) from error
    if port == 0:
        raise SettingsError(f"{name}: cannot listen at {address}: the port is in use, or the address not ours")
    return port
