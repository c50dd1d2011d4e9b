"""gRPC's health service (grpc.health.v1), at the enrol port: whoever watches a collector has no client certificate.

Only Check: a Watch would hold a thread of the port for as long as a stranger likes.
"""

import threading
import time
from collections.abc import Callable

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthServicer
from sqlalchemy import text

from driftline_cmdb.database import Database
from driftline_cmdb.errors import CmdbError, NotFound

#: Services that it knows; the empty name means the collector as a whole.
SERVICES = ("", "driftline.v1.Enrolment", "driftline.v1.Collector")


class Health(HealthServicer):
    """Tells whether the collector can do its work: the database answers, and reports are committed."""

    def __init__(self, database: Database, committing: Callable[[], bool], fresh_s: float = 1.0) -> None:
        """Prepare.

        :param committing: tells whether reports are committed.
        :param fresh_s: seconds for which an answer is repeated without a look.
        """
        self._database, self._committing, self._fresh_s = database, committing, fresh_s
        self._lock = threading.Lock()
        self._looked = -fresh_s
        self._well = False

    def Check(self, request: HealthCheckRequest, context: grpc.ServicerContext) -> HealthCheckResponse:  # noqa: N802
        """Return SERVING or NOT_SERVING.

        :raises NotFound: there is no such service.
        """
        if request.service not in SERVICES:
            raise NotFound(f"service: {request.service[:80]!r} is not known here")
        with self._lock:
            now = time.monotonic()
            if now - self._looked >= self._fresh_s:
                self._well, self._looked = self._look(), now
            serving = self._well
        return HealthCheckResponse(status=HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING)

    def _look(self) -> bool:
        try:
            with self._database.read() as session:
                session.execute(text("SELECT 1"))
        except CmdbError:
            return False
        return self._committing()
