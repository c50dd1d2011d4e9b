"""Contracts that every route of the API keeps, found from the app itself."""

from typing import Any

import pytest
from tests.server.conftest import Site

from driftline_server import web
from driftline_server.app import areas, create_app
from driftline_server.settings import Settings

OPEN = {("GET", "/api/v1/health"), ("POST", "/api/v1/login")}
NAMES = {
    "ci": "web1",
    "number": "1",
    "drift": "1",
    "name": "golden",
    "uid": "source-web1",
    "token": "1",
    "finding": "1",
    "window": "1",
    "channel": "page",
    "run": "1",
    "template": "openssl",
    "freeze": "sale",
    "release": "openssl-3",
    "wave": "1",
    "waiver": "1",
    "rule": "security",
    "origin": "debian-security",
    "review": "1",
    "decision": "1",
    "digest": "0123",
    "proposal": "1",
    "ignore": "1",
    "device": "192.0.2.200",
}


def described(tmp_path_factory: pytest.TempPathFactory | None = None) -> dict[str, Any]:
    """Return the API's description."""
    return create_app(Settings("sqlite://", web.HERE)).openapi()


def routes() -> list[tuple[str, str, dict[str, Any]]]:
    """Return method, path and description of every route of the API."""
    return [
        (method.upper(), path, operation)
        for path, operations in described()["paths"].items()
        for method, operation in operations.items()
    ]


ROUTES = routes()
IDS = [f"{method} {path}" for method, path, _ in ROUTES]


def test_there_are_routes() -> None:
    assert len(ROUTES) > 35


@pytest.mark.parametrize(("method", "path", "operation"), ROUTES, ids=IDS)
def test_needs_credentials(site: Site, method: str, path: str, operation: dict[str, Any]) -> None:
    answer = site.stranger().request(method, path.format(**NAMES), json={})
    if (method, path) in OPEN:
        assert answer.status_code != 401
        return
    assert answer.status_code == 401, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert operation["security"]


@pytest.mark.parametrize(("method", "path", "operation"), ROUTES, ids=IDS)
def test_is_documented(method: str, path: str, operation: dict[str, Any]) -> None:
    assert operation["summary"] and operation["description"] and operation["tags"]
    success = next(content for code, content in operation["responses"].items() if code.startswith("2"))
    (media,) = success["content"].values()  # JSON, or of one route JSON lines
    schema = media["schema"]
    assert "$ref" in schema or schema.get("type") == "object"
    assert "application/problem+json" in operation["responses"]["default"]["content"]


@pytest.mark.parametrize(("method", "path", "operation"), ROUTES, ids=IDS)
def test_lists_take_the_same_parameters(method: str, path: str, operation: dict[str, Any]) -> None:
    success = next(content for code, content in operation["responses"].items() if code.startswith("2"))
    (media,) = success["content"].values()
    reference = media["schema"].get("$ref", "")
    if "Listing" in reference:
        names = {parameter["name"] for parameter in operation["parameters"]}
        assert {"limit", "offset", "sort", "format"} <= names


def test_every_area_has_the_same_files() -> None:
    for area in areas():
        for name in ("__init__.py", "api.py", "pages.py", "views.py", "templates"):
            assert (web.HERE / area / name).exists(), f"{area}/{name}"


def test_the_description_is_served_and_whole(site: Site) -> None:
    found = site.api("viewer").get("/openapi.json").json()
    assert set(found["paths"]) == set(described()["paths"])
    assert "Problem" in found["components"]["schemas"]
    assert site.stranger().get("/api/v1/openapi.json").status_code == 401
