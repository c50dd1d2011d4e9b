"""Pages: the list of RFCs; one RFC with its decisions."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from driftline_cmdb.rfcs import decisions
from driftline_cmdb.rfcs.reading import find_rfc
from driftline_server.access.guard import ApproverForm, Db, OperatorForm, ViewerPage
from driftline_server.lists import PageWindow, Shown
from driftline_server.notifications import views as notification_views
from driftline_server.notifications.pages import SNOOZES, people_of
from driftline_server.rfcs import views
from driftline_server.times import now_ms
from driftline_server.web import render

router = APIRouter()

Comment = Annotated[str, Form(max_length=4000)]


@router.get("/rfcs")
def list_rfcs(
    request: Request,
    caller: ViewerPage,
    db: Db,
    window: PageWindow,
    state: str | None = None,
    q: str | None = None,
) -> Response:
    """Show the list of RFCs."""
    with db.read() as session:
        rows, total = views.list_rfcs(session, views.RfcFilter(state, q), window)
    shown = Shown(rows, total, window, "/rfcs", {"state": state, "q": q})
    return render(request, "rfcs/list.html", caller, list=shown, states=("waiting", *views.STATES))


@router.get("/rfcs/{number}")
def show_rfc(request: Request, caller: ViewerPage, db: Db, number: int) -> Response:
    """Show one RFC."""
    with db.read() as session:
        found = views.show(session, number)
        attention = notification_views.attention(session, find_rfc(session, number))
        people = people_of(session)
    return render(
        request,
        "rfcs/show.html",
        caller,
        rfc=found,
        is_done=found.state in views.DONE,
        attention=attention,
        people=people,
        snoozes=SNOOZES,
    )


@router.post("/rfcs/{number}/authorise")
def authorise(
    caller: ApproverForm, db: Db, number: int, scope: Annotated[str, Form()], comment: Comment = ""
) -> Response:
    """Authorise the scope that the form showed."""
    with db.write() as session:
        decisions.authorise(session, number, caller.name, scope, comment, now_ms())
    return RedirectResponse(f"/rfcs/{number}?done=authorised", 303)


@router.post("/rfcs/{number}/revert")
def revert(caller: OperatorForm, db: Db, number: int, comment: Comment = "") -> Response:
    """Order what was found changed reverted."""
    with db.write() as session:
        decisions.order_revert(session, number, caller.name, comment, now_ms())
    return RedirectResponse(f"/rfcs/{number}?done=revert", 303)


@router.post("/rfcs/{number}/cancel")
def cancel(caller: OperatorForm, db: Db, number: int, comment: Comment = "") -> Response:
    """Cancel an RFC."""
    with db.write() as session:
        decisions.cancel(session, number, caller.name, comment, now_ms())
    return RedirectResponse(f"/rfcs/{number}?done=cancelled", 303)
