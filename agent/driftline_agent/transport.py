"""The one place that speaks gRPC: a channel that is opened for a few calls and closed, and its errors in our words.

Source: design section 4; collector.proto.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

import grpc

from driftline.v1 import collector_pb2 as wire
from driftline.v1.collector_pb2_grpc import CollectorStub, EnrolmentStub
from driftline_agent.errors import (
    DiscontinuedError,
    DividedError,
    FencedError,
    HeldError,
    RefusedError,
    RejectedError,
    TransportError,
    UnreachableError,
)

#: DNS name that every collector's certificate carries; its own names and addresses do not matter to an agent that
#: trusts one root only.
SERVER_NAME = "collector.driftline"
MAX_MESSAGE = 4 << 20
#: Trailing metadata of refusals, see collector.proto.
_COME_BACK, _RENEW, _LEASE = "driftline-come-back-s", "driftline-renew", "driftline-lease"

Reply = TypeVar("Reply")

_STATUS = grpc.StatusCode
_TRANSLATION: dict[grpc.StatusCode, type[TransportError]] = {
    _STATUS.FAILED_PRECONDITION: DiscontinuedError,
    _STATUS.INVALID_ARGUMENT: RejectedError,
    _STATUS.OUT_OF_RANGE: RejectedError,
    _STATUS.UNIMPLEMENTED: RejectedError,
    _STATUS.UNAUTHENTICATED: RefusedError,
    _STATUS.PERMISSION_DENIED: RefusedError,
    _STATUS.NOT_FOUND: RefusedError,
}


class Connection:
    """A channel for one check-in, as a context manager.

    :param address: host:port.
    :param root: the only root that is trusted, PEM.
    :param key: the client's key, PEM; none at the enrol port.
    :param chain: the client's certificate chain, PEM.
    :param timeout: seconds that a call may take.
    """

    def __init__(
        self, address: str, root: bytes, key: bytes | None = None, chain: bytes | None = None, timeout: float = 30
    ) -> None:
        self._address, self._timeout = address, timeout
        credentials = grpc.ssl_channel_credentials(root, key, chain)
        options = [
            ("grpc.ssl_target_name_override", SERVER_NAME),
            ("grpc.max_send_message_length", MAX_MESSAGE),
            ("grpc.max_receive_message_length", MAX_MESSAGE),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_retries", 0),
            ("grpc.enable_http_proxy", 0),
        ]
        self._channel = grpc.secure_channel(address, credentials, options, compression=grpc.Compression.Gzip)

    def __enter__(self) -> "Connection":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()

    def enroll(self, request: wire.EnrollRequest) -> wire.EnrollReply:
        """Call ``Enroll``."""
        return self._call(EnrolmentStub(self._channel).Enroll, request)

    def renew(self, request: wire.RenewRequest) -> wire.EnrollReply:
        """Call ``Renew``."""
        return self._call(EnrolmentStub(self._channel).Renew, request)

    def announce(self, request: wire.AnnounceRequest) -> wire.AnnounceReply:
        """Call ``Announce``."""
        return self._call(CollectorStub(self._channel).Announce, request)

    def submit(self, request: wire.SubmitRequest) -> wire.SubmitReply:
        """Call ``Submit``."""
        return self._call(CollectorStub(self._channel).Submit, request)

    def offer_texts(self, request: wire.OfferTextsRequest) -> wire.OfferTextsReply:
        """Call ``OfferTexts``."""
        return self._call(CollectorStub(self._channel).OfferTexts, request)

    def submit_utilization(self, request: wire.SubmitUtilizationRequest) -> wire.SubmitUtilizationReply:
        """Call ``SubmitUtilization``."""
        return self._call(CollectorStub(self._channel).SubmitUtilization, request)

    def lease_devices(self, request: wire.LeaseDevicesRequest) -> wire.LeaseDevicesReply:
        """Call ``LeaseDevices``."""
        return self._call(CollectorStub(self._channel).LeaseDevices, request)

    def report_sightings(self, request: wire.ReportSightingsRequest) -> wire.ReportSightingsReply:
        """Call ``ReportSightings``."""
        return self._call(CollectorStub(self._channel).ReportSightings, request)

    def leave(self, request: wire.LeaveRequest) -> wire.LeaveReply:
        """Call ``Leave``."""
        return self._call(CollectorStub(self._channel).Leave, request)

    def _call(self, method: Callable[..., Reply], request: Any) -> Reply:
        try:
            return method(request, timeout=self._timeout)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            said = f"collector {self._address}: {error.details() or code.name.lower()}"
            kind = _TRANSLATION.get(code, UnreachableError)
            metadata: Any = error.trailing_metadata() or ()  # pairs, whatever the type stubs say
            hints = {name: str(value) for name, value in metadata}
            after = hints.get(_COME_BACK, "")
            if kind is UnreachableError and after.isascii() and after.isdigit():
                raise HeldError(said, min(max(int(after[:9]), 1), 3600)) from error
            if kind is RefusedError and hints.get(_RENEW) == "own":
                raise DividedError(said) from error
            if kind is RefusedError and hints.get(_LEASE) == "lost":
                raise FencedError(said) from error
            raise kind(said) from error
