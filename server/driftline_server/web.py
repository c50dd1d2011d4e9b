"""Pages: the template environment, rendering, and what a page needs of its request."""

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup, escape

from driftline.sealed import is_sealed
from driftline_baseline.file_content import digests_of
from driftline_server.access.people import Caller
from driftline_server.quantities import quantity, size
from driftline_server.times import ago, moment, now_ms, to_ms

HERE = Path(__file__).parent
STATIC = HERE / "static"
_NOT_PAGES = ("/api/", "/static/")


def environment(areas: list[str]) -> Environment:
    """Return the template environment: ``base.html`` of the layout, ``cis/list.html`` of an area."""
    loaders = {area: FileSystemLoader(HERE / area / "templates") for area in areas}
    env = Environment(
        loader=ChoiceLoader([FileSystemLoader(HERE / "templates"), PrefixLoader(loaders)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(when=when, value=value_text, size=size, number=number, quantity=quantity, measured=measured)
    env.globals["asset"] = asset
    env.filters["file_of"] = file_of
    return env


def is_page(request: Request) -> bool:
    """Tell whether a browser asked for a page, so that errors are pages too."""
    return not request.url.path.startswith(_NOT_PAGES)


def login_url(request: Request) -> str:
    """Return the login page that leads back to what was asked for."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return "/login" if wanted == "/" else f"/login?next={quote(wanted, safe='')}"


def local_path(text: str) -> str:
    """Return where to go after the login: a path of this server, whatever a link says."""
    parts = urlsplit(text)
    bad = parts.scheme or parts.netloc or not text.startswith("/") or text.startswith("//") or "\\" in text
    return "/" if bad or not text.isprintable() else text


def to_page(prefix: str, name: str, **query: str | int) -> str:
    """Return the address of a page about something that people named."""
    return f"{prefix}/{quote(name, safe='')}?{urlencode(query)}"


def render(
    request: Request,
    template: str,
    caller: Caller | None,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **context: Any,
) -> Response:
    """Return a page."""
    env: Environment = request.app.state.templates
    html = env.get_template(template).render(
        me=caller, path=request.url.path, done=request.query_params.get("done"), now=now_ms(), **context
    )
    return HTMLResponse(html, status, headers)


def render_error(
    request: Request, status: int, title: str, detail: str, headers: dict[str, str] | None = None
) -> Response:
    """Return an error as a page."""
    referrer = urlsplit(request.headers.get("referer", ""))
    back = local_path(referrer.path or "/") if referrer.netloc == request.url.netloc else "/"
    context = {"title": title, "detail": detail, "status_code": status, "back": back}
    return render(request, "error.html", None, status, headers, **context)


_digests: dict[str, str] = {}


def asset(name: str) -> str:
    """Return the address of a static file; it changes with the file, so that browsers may keep it for ever."""
    if name not in _digests:
        path = STATIC / name
        _digests[name] = hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.exists() else "0"
    return f"/static/{name}?v={_digests[name]}"


def when(value: Any, form: str = "both") -> Markup:
    """Return a time for people: ``2026-11-24 05:58:22 UTC`` and how long ago.

    :param value: a datetime, ms since 1970, or None.
    :param form: both, ago, or full.
    """
    if value is None:
        return Markup('<span class="text-secondary">never</span>')
    ms = value if isinstance(value, int) else to_ms(value)
    full = moment(ms).strftime("%Y-%m-%d %H:%M:%S")
    iso = moment(ms).isoformat().replace("+00:00", "Z")
    near = ago(ms, now_ms())
    if form == "ago":
        return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(iso, full, near)
    if form == "full":
        return Markup('<time datetime="{}" title="{}">{} UTC</time>').format(iso, near, full)
    return Markup('<time datetime="{}">{} UTC</time> <span class="text-secondary">({})</span>').format(iso, full, near)


def value_text(value: Any) -> Markup:
    """Return a fact's value for people; absent is said, lists are comma separated, an element is ``name: value``."""
    if value is None:
        return Markup('<span class="text-secondary fst-italic">absent</span>')
    if value is True:
        return Markup("yes")
    if value is False:
        return Markup("no")
    if isinstance(value, dict):
        parts = [Markup('<span class="text-secondary">{}:</span> {}').format(*_named(k, v)) for k, v in value.items()]
        return Markup("<br>").join(parts) if parts else Markup("present")
    if isinstance(value, list | tuple):
        return (
            escape(", ".join(str(item) for item in value))
            if value
            else Markup('<span class="text-secondary">none</span>')
        )
    if is_sealed(value):
        return Markup('<span title="A digest with the host\'s own key: {}">secret {}</span>').format(value, value[-8:])
    return escape(value if isinstance(value, str) else json.dumps(value))


def file_of(change: Any) -> tuple[str, str | None, str | None] | None:
    """Return the file, and its digests before and after, of a change of a file's content; None of any other."""
    return digests_of(change.path, change.before, change.after)


def number(value: float) -> str:
    """Return a count with thin separators."""
    return f"{value:,}"


def measured(value: Any, unit: str) -> Markup:
    """Return a fact's value with its unit; bytes and times in a form that people read."""
    if isinstance(value, bool) or not isinstance(value, int):
        return value_text(value)
    if unit == "By" and value >= 10_000:
        return Markup('<span title="{} bytes">{}</span>').format(value, size(value))
    if unit == "s" and value > 100_000_000:
        return when(value * 1000, "full")
    return escape(f"{value} {unit}".strip())


def _named(name: str, value: Any) -> tuple[str, Markup]:
    """Return a name and its value; the record's times (``until_ms``) as people read them."""
    if name.endswith("_ms") and isinstance(value, int) and value > 10**12:
        return name.removesuffix("_ms"), when(value, "full")
    return name, value_text(value)
