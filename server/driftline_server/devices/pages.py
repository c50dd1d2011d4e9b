"""Pages: devices, one device, who may speak for devices, what was seen on networks."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from driftline_server.access.guard import Db, OperatorForm, ViewerPage
from driftline_server.devices import api, views
from driftline_server.lists import PageWindow, Shown
from driftline_server.web import render

router = APIRouter()

Why = Annotated[str, Form(min_length=1, max_length=400)]
Name = Annotated[str, Form(min_length=1, max_length=256)]


@router.get("/devices")
def list_devices(
    request: Request,
    caller: ViewerPage,
    db: Db,
    window: PageWindow,
    q: str | None = None,
    site: str | None = None,
    state: str | None = None,
) -> Response:
    """Show devices that agents speak for."""
    with db.read() as session:
        rows, total = views.list_devices(session, window, q, site, state)
    shown = Shown(rows, total, window, "/devices", {"q": q, "site": site, "state": state})
    return render(request, "devices/list.html", caller, list=shown, states=views.STATES)


@router.post("/devices")
def add(
    caller: OperatorForm,
    db: Db,
    site: Name,
    address: Name,
    credential: Name,
    ci: Annotated[str, Form()] = "",
    port: Annotated[int, Form()] = 161,
    interval_s: Annotated[int, Form()] = 300,
) -> Response:
    """Hand out a device."""
    wanted = api.NewDevice(
        site=site, address=address, credential=credential, ci=ci.strip() or None, port=port, interval_s=interval_s
    )
    found = api.add(caller, db, wanted)
    return RedirectResponse(f"/devices/{found.uid}?done=added", 303)


@router.get("/devices/{device}")
def show_device(request: Request, caller: ViewerPage, db: Db, device: str) -> Response:
    """Show one device."""
    return render(request, "devices/show.html", caller, device=api.show_device(caller, db, device))


@router.post("/devices/{device}/read")
def read_now(caller: OperatorForm, db: Db, device: str) -> Response:
    """Have its agent read it."""
    found = api.read_now(caller, db, device)
    return RedirectResponse(f"/devices/{found.uid}?done=asked-device", 303)


@router.post("/devices/{device}/remove")
def remove(caller: OperatorForm, db: Db, device: str, reason: Why) -> Response:
    """Hand it out no longer."""
    found = api.remove(caller, db, device, reason)
    return RedirectResponse(f"/devices/{found.uid}?done=deleted", 303)


@router.get("/device-speakers")
def list_speakers(
    request: Request, caller: ViewerPage, db: Db, window: PageWindow, site: str | None = None
) -> Response:
    """Show who may speak for devices."""
    with db.read() as session:
        rows, total = views.list_speakers(session, window, site)
    shown = Shown(rows, total, window, "/device-speakers", {"site": site})
    return render(request, "devices/speakers.html", caller, list=shown)


@router.post("/device-speakers")
def allow(caller: OperatorForm, db: Db, source: Name, site: Name, reason: Why) -> Response:
    """Let an agent speak for the devices of a site."""
    api.allow(caller, db, api.Speaker(source=source, site=site, reason=reason))
    return RedirectResponse("/device-speakers?done=added", 303)


@router.post("/device-speakers/forbid")
def forbid(caller: OperatorForm, db: Db, source: Name, site: Name, reason: Why) -> Response:
    """Let an agent speak for the devices of a site no longer."""
    api.forbid(caller, db, api.Speaker(source=source, site=site, reason=reason))
    return RedirectResponse("/device-speakers?done=deleted", 303)


@router.get("/device-sightings")
def list_sightings(
    request: Request, caller: ViewerPage, db: Db, window: PageWindow, site: str | None = None, q: str | None = None
) -> Response:
    """Show what was seen on networks."""
    with db.read() as session:
        rows, total = views.list_sightings(session, window, site, q)
    shown = Shown(rows, total, window, "/device-sightings", {"site": site, "q": q})
    return render(request, "devices/sightings.html", caller, list=shown)
