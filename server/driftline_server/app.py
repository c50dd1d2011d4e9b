"""The app: areas found by scanning, one error shape, security headers."""

import importlib
import pkgutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles

import driftline_server
from driftline_cmdb.database import Database
from driftline_server import problems, web
from driftline_server.access.guard import Viewer
from driftline_server.access.limits import Attempts
from driftline_server.headers import Headers
from driftline_server.settings import Settings


def areas() -> list[str]:
    """Return the names of the areas: the packages here that have routes."""
    packages = [module.name for module in pkgutil.iter_modules(driftline_server.__path__) if module.ispkg]
    return [name for name in packages if (web.HERE / name / "api.py").exists()]


def create_app(settings: Settings) -> FastAPI:
    """Return the app. The database must have this version's tables."""
    database = Database(settings.database_url)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        database.close()

    app = FastAPI(
        title="driftline",
        version=version("driftline"),
        description="Inventory, CMDB, drift detection and change control. Times are ISO 8601 in UTC. "
        "Errors are problem details (RFC 9457). Lists take limit, offset, sort and format.",
        # FastAPI's pages load scripts from elsewhere; /api/v1/openapi.json is for a viewer of the user's own
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
    )
    app.state.database = database
    app.state.settings = settings
    app.state.attempts = Attempts(settings.attempts, settings.attempts_window_s)
    app.state.templates = web.environment(areas())
    problems.install(app)
    app.add_middleware(Headers, https=settings.https)
    api = APIRouter(prefix="/api/v1", responses=problems.RESPONSES)
    pages = APIRouter(include_in_schema=False)
    for area in areas():
        api.include_router(importlib.import_module(f"driftline_server.{area}.api").router, tags=[area])
        if (web.HERE / area / "pages.py").exists():
            pages.include_router(importlib.import_module(f"driftline_server.{area}.pages").router)

    @api.get("/openapi.json", tags=["admin"], summary="This API's description", response_model=dict[str, object])
    def openapi(_caller: Viewer) -> dict[str, object]:
        """Return this API's description (OpenAPI 3.1)."""
        described = app.openapi()
        described["components"]["schemas"].setdefault("Problem", problems.schema())
        return described

    app.include_router(api)
    app.include_router(pages)
    app.mount("/static", StaticFiles(directory=web.STATIC), name="static")
    return app
