"""The one edge where calls come in and errors go out as gRPC statuses.

Requests are parsed here too: gRPC's own parsing answers a malformed one with INTERNAL.
"""

import logging
import secrets
from collections.abc import Callable
from typing import Any, NoReturn, TypeAlias

import grpc
from google.protobuf.message import DecodeError
from sqlalchemy.exc import SQLAlchemyError

from driftline_cmdb.errors import (
    CmdbError,
    Conflict,
    Invalid,
    NotFound,
    Refused,
    Rejected,
    Unauthenticated,
    Unavailable,
)
from driftline_collector.errors import CollectorError, Exhausted
from driftline_collector.metrics import Metrics

log = logging.getLogger(__name__)

_STATUSES: tuple[tuple[type[Exception], grpc.StatusCode], ...] = (
    (Exhausted, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (Invalid, grpc.StatusCode.INVALID_ARGUMENT),
    (Unauthenticated, grpc.StatusCode.UNAUTHENTICATED),
    (Refused, grpc.StatusCode.PERMISSION_DENIED),
    (Rejected, grpc.StatusCode.FAILED_PRECONDITION),
    (Unavailable, grpc.StatusCode.UNAVAILABLE),
    (NotFound, grpc.StatusCode.NOT_FOUND),
    (Conflict, grpc.StatusCode.ABORTED),
)

#: Longest message to a client; a header block takes 8 KiB, and messages quote what was sent.
_LONGEST = 1000

#: Said to clients in place of what the database says of itself.
_AWAY = "the database did not answer; try again"

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # generic in the stubs only
MaybeHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"
Context = grpc.ServicerContext


def status_of(error: Exception) -> grpc.StatusCode:
    """Return the gRPC status that stands for an error."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), grpc.StatusCode.INTERNAL)


class Edge(grpc.ServerInterceptor):
    """Stands before every unary method of a server."""

    def __init__(self, metrics: Metrics, admit: Callable[[str, str], None] = lambda method, peer: None) -> None:
        """Prepare.

        :param admit: called with method and peer before a request is parsed; raises where it may not come in.
        """
        self._metrics, self._admit = metrics, admit

    def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], MaybeHandler], details: grpc.HandlerCallDetails
    ) -> Handler:
        """Put the edge around a method."""
        handler = continuation(details)
        if handler is None or handler.unary_unary is None:
            return handler  # type: ignore[return-value]  # gRPC takes None for an unknown method; the stubs do not say so
        method = str(details.method).rpartition("/")[2]
        behaviour, parse, serialize = handler.unary_unary, handler.request_deserializer, handler.response_serializer
        assert parse is not None  # noqa: S101  # all our methods have one

        def call(content: bytes, context: Context) -> Any:
            try:
                self._admit(method, context.peer())
                reply = behaviour(_parse(parse, content, method), context)
            except (CmdbError, CollectorError) as error:
                self._refuse(method, context, error)
            except Exception as error:
                # Boundary of one request; no trace goes out.
                self._fail(method, context, error)
            self._metrics.calls.labels(method, "OK").inc()
            return reply

        return grpc.unary_unary_rpc_method_handler(call, response_serializer=serialize)

    def _refuse(self, method: str, context: Context, error: Exception) -> NoReturn:
        status = status_of(error)
        if status is grpc.StatusCode.INTERNAL:
            self._fail(method, context, error)
        level = logging.DEBUG if isinstance(error, Exhausted) else logging.WARNING
        fields = {"method": method, "status": status.name, "peer": context.peer(), "error": str(error)[:_LONGEST]}
        log.log(level, "call refused", extra=fields)
        # What a database says of itself (hosts, users, processes) stays in the log.
        outward = _AWAY if isinstance(error.__cause__, SQLAlchemyError) else str(error)
        hints = error.hints if isinstance(error, CmdbError) else {}
        if hints:
            context.set_trailing_metadata(tuple(hints.items()))
        self._abort(method, context, status, outward)

    def _fail(self, method: str, context: Context, error: Exception) -> NoReturn:
        incident = secrets.token_hex(4)
        log.error("call failed", exc_info=error, extra={"method": method, "incident": incident, "peer": context.peer()})
        message = f"the collector failed; its log says why under incident {incident}"
        self._abort(method, context, grpc.StatusCode.INTERNAL, message)

    def _abort(self, method: str, context: Context, status: grpc.StatusCode, message: str) -> NoReturn:
        self._metrics.calls.labels(method, status.name).inc()
        context.abort(status, message[:_LONGEST])


def _parse(parse: Callable[[bytes], Any], content: bytes, method: str) -> Any:
    try:
        return parse(content)
    except DecodeError as error:
        raise Invalid(f"the request of {method} is truncated or damaged, send it again") from error
