"""Pages: the list of CIs; one CI with its facts and history."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from driftline import paths
from driftline_baseline import life_cycle
from driftline_baseline.catalog.model import PREFIX
from driftline_cmdb import record
from driftline_cmdb.catalog.versions import catalog_of
from driftline_cmdb.errors import Invalid
from driftline_cmdb.tables.cis import STATUSES, Ci
from driftline_server.access.guard import AdminForm, Db, OperatorForm, OperatorOrApproverPage, OperatorPage, ViewerPage
from driftline_server.cis import facts, files, life, software, views
from driftline_server.cis import why as why_views
from driftline_server.cis.edit import edit
from driftline_server.cis.own_fields import asked
from driftline_server.drift import views as drift_views
from driftline_server.lists import PageWindow, Shown, Window
from driftline_server.proposals import views as proposal_views
from driftline_server.times import now_ms, parse_moment
from driftline_server.utilization import views as utilization_views
from driftline_server.web import render

router = APIRouter()

#: Elements of one page of facts, and reports of one page of history.
_ELEMENTS, _REVISIONS = 100, 50


@router.get("/cis")
def list_cis(
    request: Request,
    caller: ViewerPage,
    db: Db,
    window: PageWindow,
    q: str | None = None,
    status: str | None = None,
    ci_class: str | None = None,
    environment: str | None = None,
    owner: str | None = None,
    drifting: str | None = None,
    silent: str | None = None,
    merged: str | None = None,
) -> Response:
    """Show the list of CIs."""
    wanted = views.CiFilter(
        q,
        status,
        ci_class,
        environment,
        owner,
        None,
        bool(drifting),
        now_ms() if silent else None,
        bool(merged),
        asked(request.query_params),
    )
    with db.read() as session:
        rows, total = views.list_cis(session, wanted, window)
        classes = list(catalog_of(session).classes)
    filters = {"q": q, "status": status, "environment": environment, "owner": owner, "drifting": drifting}
    filters |= {"silent": silent, "merged": merged, "ci_class": ci_class}
    filters |= {f"{PREFIX}{name}": value for name, value in wanted.fields.items()}
    shown = Shown(rows, total, window, "/cis", filters)
    return render(request, "cis/list.html", caller, list=shown, statuses=STATUSES, classes=classes)


def _ci(session: Session, name: str) -> tuple[Ci, views.CiDetail]:
    ci = record.find_ci(session, name)
    return ci, views.detail(session, ci, now_ms())


@router.get("/cis/{ci}")
def show_ci(request: Request, caller: ViewerPage, db: Db, ci: str) -> Response:
    """Show a CI: what it is, who answers for it, its drift, its sources, its latest utilization."""
    with db.read() as session:
        found, detail = _ci(session, ci)
        key_facts = {item.path: item.value for item in record.facts_of(session, found, views.KEY_FACTS)}
        drifts, _ = drift_views.list_drifts(session, drift_views.DriftFilter(ci_id=found.id), Window(limit=10))
        latest = utilization_views.latest(session, found.id)
        proposed = proposal_views.open_of(session, found.id)
    return render(
        request,
        "cis/show.html",
        caller,
        ci=detail,
        tab="summary",
        facts=key_facts,
        drifts=drifts,
        latest=latest,
        meanings={status.name: status.meaning for status in life_cycle.BY_NAME.values()},
        decisions=life.decisions_on(found.status),
        proposed=proposed,
    )


@router.get("/cis/{ci}/edit")
def edit_form(request: Request, caller: OperatorPage, db: Db, ci: str) -> Response:
    """Show the form for what people say of a CI."""
    with db.read() as session:
        _, detail = _ci(session, ci)
        classes = list(catalog_of(session).classes)
    statuses = life_cycle.following(detail.life_cycle)
    return render(request, "cis/edit.html", caller, ci=detail, tab="summary", statuses=statuses, classes=classes)


async def _own_fields(request: Request) -> dict[str, str | None]:
    """Return the fields of the catalog that a form has."""
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    return {name[len(PREFIX) :]: value.strip() or None for name, value in form.items() if name.startswith(PREFIX)}


@router.post("/cis/{ci}/edit")
def edit_ci(
    caller: OperatorForm,
    db: Db,
    ci: str,
    status: Annotated[str, Form()],
    fields: Annotated[dict[str, str | None], Depends(_own_fields)],
    ci_class: Annotated[str, Form()] = "",
    owner: Annotated[str, Form()] = "",
    responsible: Annotated[str, Form()] = "",
    environment: Annotated[str, Form()] = "",
    location: Annotated[str, Form()] = "",
    criticality: Annotated[str, Form()] = "",
    services: Annotated[str, Form()] = "",
    labels: Annotated[str, Form()] = "",
) -> Response:
    """Save what people say of a CI."""
    wanted = views.CiEdit(
        status=status,
        owner=owner.strip() or None,
        responsible=responsible.strip() or None,
        environment=environment.strip() or None,
        location=location.strip() or None,
        criticality=criticality.strip() or None,
        services=_words(services),
        labels=dict(_label(word) for word in _words(labels)),
        fields=dict(fields),
    )
    if ci_class:
        wanted.ci_class = ci_class
    with db.write() as session:
        found = edit(session, ci, wanted, caller.name, now_ms())
        return RedirectResponse(f"/cis/{found.uid}?done=edited", 303)


Reason = Annotated[str, Form(min_length=1, max_length=400)]


@router.post("/cis/{ci}/retire")
def retire(caller: OperatorForm, db: Db, ci: str, reason: Reason, even_so: Annotated[str, Form()] = "") -> Response:
    """Retire a CI."""
    with db.write() as session:
        wanted = life.Retirement(reason=reason, even_so=bool(even_so))
        found = life.retire(session, ci, wanted, caller.name, now_ms())
        return RedirectResponse(f"/cis/{found.uid}?done=ci-retired", 303)


@router.post("/cis/{ci}/reinstate")
def reinstate(caller: OperatorForm, db: Db, ci: str, reason: Reason) -> Response:
    """Bring a retired CI back."""
    with db.write() as session:
        found = life.reinstate(session, ci, life.LifeReason(reason=reason), caller.name, now_ms())
        return RedirectResponse(f"/cis/{found.uid}?done=ci-reinstated", 303)


@router.post("/cis/{ci}/dispose")
def dispose(caller: AdminForm, db: Db, ci: str, reason: Reason) -> Response:
    """Have a CI gone for good."""
    with db.write() as session:
        found = life.dispose(session, ci, life.LifeReason(reason=reason), caller.name, now_ms())
        return RedirectResponse(f"/cis/{found.uid}?done=ci-disposed", 303)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.replace("\n", ",").split(",") if word.strip()]


def _label(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals or not name.strip():
        raise Invalid(f'labels: "{word}" is not name=value')
    return name.strip(), value.strip()


@router.get("/cis/{ci}/facts")
def show_facts(
    request: Request,
    caller: ViewerPage,
    db: Db,
    ci: str,
    q: str | None = None,
    section: str | None = None,
    at: str | None = None,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """Show the facts of a CI, now or at a time in the past."""
    at_ms = parse_moment(at, "at") if at else None
    with db.read() as session:
        found, detail = _ci(session, ci)
        wanted = facts.patterns(q)
        values = record.facts_of(session, found, (*wanted, software.RELEASE) if wanted else (), at_ms)
    follows = software.followed(values)
    if wanted:
        values = [value for value in values if paths.matches_any(wanted, value.path)]
    counted = facts.sections(values)
    if section:
        values = [value for value in values if value.path.partition(".")[0] == section]
    rows = facts.elements(values, follows)
    filters = {"q": q, "section": section, "at": at}
    window = Window(_ELEMENTS, offset)
    shown = Shown(rows[offset : offset + _ELEMENTS], len(rows), window, f"/cis/{detail.uid}/facts", filters)
    return render(request, "cis/facts.html", caller, ci=detail, tab="facts", list=shown, sections=counted, at_ms=at_ms)


@router.get("/cis/{ci}/file")
def show_file(
    request: Request,
    caller: OperatorOrApproverPage,
    db: Db,
    ci: str,
    path: str = "",
    before: str | None = None,
    after: str | None = None,
) -> Response:
    """Show a configuration file of a CI: how its last two contents differ, what it says, which it had."""
    with db.read() as session:
        found, detail = _ci(session, ci)
        versions = files.list_versions(session, found, path) if path else []
        diff = files.diff(session, found, path, before or None, after or None) if path else None
    return render(request, "cis/file.html", caller, ci=detail, tab="facts", file=path, versions=versions, diff=diff)


@router.get("/cis/{ci}/why")
def show_why(
    request: Request, caller: ViewerPage, db: Db, ci: str, other: Annotated[str | None, Query(alias="with")] = None
) -> Response:
    """Show which sources speak for a CI, and by which evidence."""
    with db.read() as session:
        found, detail = _ci(session, ci)
        why = why_views.of_ci(session, found, other or None)
    return render(request, "cis/why.html", caller, ci=detail, tab="why", why=why, other=other)


@router.get("/cis/{ci}/history")
def show_history(
    request: Request, caller: ViewerPage, db: Db, ci: str, q: str | None = None, before: int | None = None
) -> Response:
    """Show what changed on a CI."""
    with db.read() as session:
        found, detail = _ci(session, ci)
        history = views.history(session, found, facts.patterns(q), _REVISIONS, before)
    return render(request, "cis/history.html", caller, ci=detail, tab="history", history=history, q=q, before=before)
