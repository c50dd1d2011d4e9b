"""Pages: the queue of identity, what was decided, and shared evidence."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from driftline_server.access.guard import Db, OperatorOrApproverForm, ViewerPage
from driftline_server.identity import api, views
from driftline_server.lists import PageWindow, Shown
from driftline_server.web import render, to_page

router = APIRouter()

Reason = Annotated[str, Form(min_length=1, max_length=4000)]


@router.get("/identity")
def list_reviews(
    request: Request,
    caller: ViewerPage,
    db: Db,
    window: PageWindow,
    state: str = "open",
    kind: str | None = None,
    q: str | None = None,
) -> Response:
    """Show the queue."""
    with db.read() as session:
        rows, total = views.list_reviews(session, views.ReviewFilter(state or "open", kind or None, q), window)
    filters = {"state": state or "open", "kind": kind, "q": q}
    shown = Shown(rows, total, window, "/identity", filters, "/identity/reviews")
    return render(request, "identity/list.html", caller, list=shown, states=views.STATES, kinds=views.KINDS)


@router.get("/identity/decisions")
def list_decisions(
    request: Request,
    caller: ViewerPage,
    db: Db,
    window: PageWindow,
    action: str | None = None,
    q: str | None = None,
) -> Response:
    """Show what was decided."""
    with db.read() as session:
        rows, total = views.list_decisions(session, window, action or None, q)
    shown = Shown(rows, total, window, "/identity/decisions", {"action": action, "q": q})
    return render(request, "identity/decisions.html", caller, list=shown, actions=views.actions())


@router.post("/identity/decisions/{decision}/undo")
def undo(caller: OperatorOrApproverForm, db: Db, decision: int, reason: Reason) -> Response:
    """Undo a decision."""
    api.undo(caller, db, decision, api.Reason(reason=reason))
    return RedirectResponse("/identity/decisions?done=undone", 303)


@router.get("/identity/shared")
def list_shared(
    request: Request,
    caller: ViewerPage,
    db: Db,
    window: PageWindow,
    kind: str | None = None,
    q: str | None = None,
) -> Response:
    """Show evidence that tells nobody apart."""
    with db.read() as session:
        rows, total = views.list_shared(session, window, kind or None, q)
    shown = Shown(rows, total, window, "/identity/shared", {"kind": kind, "q": q})
    return render(request, "identity/shared.html", caller, list=shown)


@router.post("/identity/shared/forget")
def forget_shared(caller: OperatorOrApproverForm, db: Db, key: Annotated[str, Form()], reason: Reason) -> Response:
    """Have a piece of evidence count again."""
    api.forget_shared(caller, db, api.Forget(key=key, reason=reason))
    return RedirectResponse("/identity/shared?done=forgotten", 303)


@router.get("/identity/{review}")
def show_review(request: Request, caller: ViewerPage, db: Db, review: int) -> Response:
    """Show both sides of a question."""
    with db.read() as session:
        found = views.show(session, review)
    return render(request, "identity/show.html", caller, review=found)


@router.post("/identity/{review}/decide")
def decide(
    caller: OperatorOrApproverForm,
    db: Db,
    review: int,
    action: Annotated[str, Form()],
    reason: Reason,
    despite: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Decide a question."""
    api.decide(caller, db, review, api.Decide(action=action, reason=reason, despite=despite.strip() or None))
    return RedirectResponse(f"/identity/{review}?done=identity-decided", 303)


@router.post("/cis/{ci}/merge")
def merge(caller: OperatorOrApproverForm, db: Db, ci: str, into: Annotated[str, Form()], reason: Reason) -> Response:
    """Merge a CI into another."""
    done = api.merge(caller, db, ci, api.Merge(into=into.strip(), reason=reason))
    return RedirectResponse(to_page("/cis", done.ci.uid, done="merged"), 303)


@router.post("/cis/{ci}/split")
def split(
    caller: OperatorOrApproverForm,
    db: Db,
    ci: str,
    source: Annotated[str, Form()],
    reason: Reason,
    name: Annotated[str, Form()] = "",
    into: Annotated[str, Form()] = "",
) -> Response:
    """Split a source off a CI."""
    wanted = api.Split(source=source, reason=reason, name=name.strip() or None, into=into.strip() or None)
    done = api.split(caller, db, ci, wanted)
    return RedirectResponse(to_page("/cis", done.ci.uid, done="split"), 303)
