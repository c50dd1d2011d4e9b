"""One error shape over the whole API: problem details (RFC 9457). Pages get the same content as a page."""

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from driftline.paths import PathError
from driftline_cmdb.errors import Ambiguous, CmdbError, Conflict, Invalid, NotFound, Refused, Rejected, Unavailable
from driftline_server import web
from driftline_server.errors import NotAllowed, NotAuthenticated, ServerError, TooManyAttempts

MEDIA_TYPE = "application/problem+json"

_log = logging.getLogger(__name__)

#: HTTP status of each error; subclasses have their parent's.
STATUS: dict[type[Exception], int] = {
    NotAuthenticated: 401,
    NotAllowed: 403,
    TooManyAttempts: 429,
    NotFound: 404,
    Ambiguous: 409,
    Invalid: 422,
    Refused: 403,
    Conflict: 409,
    Rejected: 409,
    Unavailable: 503,
    PathError: 422,
}


class FieldError(BaseModel):
    """One part of a request that is not as it should be."""

    #: Where it stands: ``query.limit``, ``body.name``.
    field: str
    message: str


class Problem(BaseModel):
    """Problem details. `type` is always ``about:blank``: `status` and `detail` say all there is."""

    type: str = "about:blank"
    #: The HTTP status in words.
    title: str
    status: int
    #: What is wrong and what mends it.
    detail: str
    #: Path that was asked for.
    instance: str
    #: Only for a request that does not fit the route's description.
    errors: list[FieldError] | None = None


#: For a router: what every route may answer besides its own model.
RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "Problem details (RFC 9457)",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


def schema() -> dict[str, Any]:
    """Return the JSON schema of :class:`Problem`, for OpenAPI."""
    return Problem.model_json_schema(ref_template="#/components/schemas/Problem/$defs/{model}")


def install(app: FastAPI) -> None:
    """Have every error of an app answered in the one shape."""
    app.add_exception_handler(CmdbError, _on_error)
    app.add_exception_handler(ServerError, _on_error)
    app.add_exception_handler(PathError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_defect)


def _status(error: Exception) -> int:
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def _on_error(request: Request, error: Exception) -> Response:
    if isinstance(error, NotAuthenticated) and web.is_page(request) and request.method == "GET":
        return RedirectResponse(web.login_url(request), status_code=303)
    headers: dict[str, str] = {}
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="driftline"'
    if isinstance(error, TooManyAttempts):
        headers["Retry-After"] = str(error.wait_s)
    return answer(request, _status(error), str(error), headers=headers)


def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # it is registered for this kind only
    errors = [FieldError(field=".".join(str(part) for part in e["loc"]), message=e["msg"]) for e in error.errors()]
    detail = "; ".join(f"{e.field}: {e.message[:1].lower()}{e.message[1:]}" for e in errors)
    return answer(request, 422, detail, errors=errors)


def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # it is registered for this kind only
    detail = str(error.detail)
    if error.status_code == 404:
        detail = f"there is nothing at {request.url.path}"
    elif error.status_code == 405:
        detail = f"{request.url.path} does not take {request.method}"
    return answer(request, error.status_code, detail, headers=dict(error.headers or {}))


def _on_defect(request: Request, _error: Exception) -> Response:
    _log.error("a request failed by a defect", extra={"method": request.method, "path": request.url.path})
    return answer(request, 500, "this is a defect of the server; its log has the trace")


def answer(
    request: Request,
    status: int,
    detail: str,
    *,
    errors: list[FieldError] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Return an error as a page where a browser asked for one, else as problem details."""
    title = HTTPStatus(status).phrase
    if web.is_page(request):
        return web.render_error(request, status, title, detail, headers)
    problem = Problem(title=title, status=status, detail=detail, instance=request.url.path, errors=errors)
    content = problem.model_dump(mode="json", exclude_none=True)
    return JSONResponse(content, status, headers=headers, media_type=MEDIA_TYPE)
