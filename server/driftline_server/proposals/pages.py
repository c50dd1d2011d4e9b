"""Pages: the list of proposals with what is never proposed; one proposal; the service rules."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from driftline_cmdb import record
from driftline_server.access.guard import Db, OperatorForm, ViewerForm, ViewerPage
from driftline_server.lists import PageWindow, Shown, Window
from driftline_server.proposals import api, views
from driftline_server.web import render

router = APIRouter()

_DONE = {"accept": "accepted-proposal", "reject": "rejected", "reopen": "reopened-proposal"}


@router.get("/proposals")
def list_proposals(
    request: Request,
    caller: ViewerPage,
    db: Db,
    window: PageWindow,
    state: str = "open",
    kind: str | None = None,
    ci: str | None = None,
    q: str | None = None,
    mine: str | None = None,
) -> Response:
    """Show what is proposed, and what is never."""
    with db.read() as session:
        ci_id = record.find_ci(session, ci).id if ci else None
        wanted = views.ProposalFilter(state or "open", kind, ci_id, q, caller.name if mine else None)
        rows, total = views.list_proposals(session, wanted, window)
        ignores = views.list_ignores(session, Window(limit=500))[0]
    filters = {"state": state or "open", "kind": kind, "ci": ci, "q": q, "mine": "true" if mine else None}
    shown = Shown(rows, total, window, "/proposals", filters)
    return render(
        request, "proposals/list.html", caller, list=shown, states=views.STATES, kinds=views.KINDS, ignores=ignores
    )


@router.post("/proposals/decide")
def decide(
    caller: ViewerForm,
    db: Db,
    decision: Annotated[Literal["accept", "reject", "reopen"], Form()],
    ids: Annotated[list[int], Form(min_length=1, max_length=200)],
    reason: Annotated[str, Form(max_length=4000)] = "",
    name: Annotated[str | None, Form(max_length=200)] = None,
    ci_class: Annotated[str, Form(max_length=80)] = "network device",
    site: Annotated[str, Form(max_length=80)] = "",
    address: Annotated[str, Form(max_length=80)] = "",
    credential: Annotated[str, Form(max_length=80)] = "",
) -> Response:
    """Decide about some proposals; of an unmanaged device, the form has a name."""
    device = None
    if name is not None and decision == "accept":
        device = api.NewDevice(
            name=name or None, ci_class=ci_class, site=site or None, address=address or None, credential=credential
        )
    api.decide(caller, db, api.Decision(ids=ids, decision=decision, reason=reason, device=device))
    return RedirectResponse(f"/proposals?done={_DONE[decision]}", 303)


@router.get("/proposals/{proposal}")
def show_proposal(request: Request, caller: ViewerPage, db: Db, proposal: int) -> Response:
    """Show one proposal."""
    with db.read() as session:
        found = views.show(session, proposal)
    return render(request, "proposals/show.html", caller, proposal=found)


@router.post("/proposal-ignores")
def ignore(
    caller: OperatorForm,
    db: Db,
    reason: Annotated[str, Form(min_length=1, max_length=4000)],
    network: Annotated[str, Form(max_length=100)] = "",
    port: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Propose nothing from such connections."""
    api.ignore(caller, db, api.NewIgnore(network=network, port=port, reason=reason))
    return RedirectResponse("/proposals?done=added", 303)


@router.post("/proposal-ignores/{ignore}/end")
def stop_ignoring(caller: OperatorForm, db: Db, ignore: int) -> Response:
    """Propose from such connections again."""
    api.stop_ignoring(caller, db, ignore)
    return RedirectResponse("/proposals?done=deleted", 303)


@router.get("/service-rules")
def show_rules(request: Request, caller: ViewerPage, db: Db, version: int | None = None) -> Response:
    """Show the service rules."""
    with db.read() as session:
        found = views.show_rules(session, version)
    return render(request, "proposals/rules.html", caller, rules=found)


@router.post("/service-rules")
def set_rules(
    caller: OperatorForm,
    db: Db,
    document: Annotated[str, Form(max_length=200_000)],
    after: Annotated[int, Form()],
    comment: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Put a new version of the service rules in force."""
    wanted = api.NewServiceRules(document=document.replace("\r\n", "\n"), comment=comment, after=after)
    api.set_rules(caller, db, wanted)
    return RedirectResponse("/service-rules?done=edited", 303)
