"""REST: configuration items."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from driftline_cmdb import record
from driftline_server.access.guard import Admin, Db, Operator, OperatorOrApprover, Viewer
from driftline_server.cis import files, life, relations, speaking, views
from driftline_server.cis import why as why_views
from driftline_server.cis.edit import edit
from driftline_server.cis.expected import ExpectedRow, expected_rows
from driftline_server.cis.own_fields import asked
from driftline_server.cis.software import SoftwareRow, software_rows
from driftline_server.cis.speaking import SourceOfCi
from driftline_server.lists import AWindow, Listing, answer, csv_of
from driftline_server.times import now_ms, to_ms

router = APIRouter()

Match = Annotated[
    list[str] | None,
    Query(description="Patterns of paths: software.packages[dpkg/openssl*]; * stays within a step, ** does not."),
]


@router.get("/cis", response_model=Listing[views.CiRow], summary="List CIs")
def list_cis(
    request: Request,
    _caller: Viewer,
    db: Db,
    window: AWindow,
    q: Annotated[str | None, Query(description="Text in the name, or the start of the uid.")] = None,
    status: Annotated[
        str | None, Query(description="As it is shown: what people set, or silent while reports do not come.")
    ] = None,
    ci_class: str | None = None,
    environment: str | None = None,
    owner: str | None = None,
    label: Annotated[str | None, Query(description="name=value")] = None,
    drifting: Annotated[bool, Query(description="Only those with open drifts.")] = False,
    silent: Annotated[bool, Query(description="Only those of which nothing was heard lately.")] = False,
    merged: Annotated[bool, Query(description="Those that were merged into another CI, instead.")] = False,
) -> Listing[views.CiRow] | Response:
    """List configuration items. Sorts by name, status, version, environment, owner, open_drifts, last_seen ...

    Fields of the catalog filter too: `field.cost_centre=4711`; in a text `*` stands for anything.
    """
    wanted = views.CiFilter(
        q,
        status,
        ci_class,
        environment,
        owner,
        label,
        drifting,
        now_ms() if silent else None,
        merged,
        asked(request.query_params),
    )
    with db.read() as session:
        rows, total = views.list_cis(session, wanted, window)
    return answer(rows, total, window, "cis")


@router.post("/cis", response_model=views.CiDetail, status_code=201, summary="Create a CI")
def create_ci(caller: Operator, db: Db, wanted: relations.NewCi) -> views.CiDetail:
    """Put a CI on record: a planned one, or one that nothing reports of, such as a service."""
    now = now_ms()
    with db.write() as session:
        return views.detail(session, relations.create(session, wanted, caller.name, now), now)


@router.get("/cis/{ci}", response_model=views.CiDetail, summary="Show a CI")
def show_ci(_caller: Viewer, db: Db, ci: str) -> views.CiDetail:
    """Show one CI, by name or uid, with the sources that speak for it."""
    with db.read() as session:
        return views.detail(session, record.find_ci(session, ci), now_ms())


@router.patch("/cis/{ci}", response_model=views.CiDetail, summary="Edit a CI")
def edit_ci(caller: Operator, db: Db, ci: str, wanted: views.CiEdit) -> views.CiDetail:
    """Set owner, responsible person, environment, location, criticality, class, status, services, labels or fields."""
    now = now_ms()
    with db.write() as session:
        return views.detail(session, edit(session, ci, wanted, caller.name, now), now)


@router.get("/cis/{ci}/sources", response_model=Listing[SourceOfCi], summary="Sources of a CI")
def sources_of(_caller: Viewer, db: Db, window: AWindow, ci: str) -> Listing[SourceOfCi] | Response:
    """List who speaks for a CI and for which parts, the one whose word counts most first, then who did before."""
    with db.read() as session:
        found = speaking.sources_of(session, record.find_ci(session, ci), now_ms())
    part = found[window.offset : window.offset + window.limit]
    return answer(part, len(found), window, f"sources-{ci}")


@router.put("/cis/{ci}/sources/{uid}/rank", response_model=SourceOfCi, summary="Rank a source of a CI")
def rank_source(caller: Operator, db: Db, ci: str, uid: str, wanted: speaking.NewRank) -> SourceOfCi:
    """Set in which order a source of a CI speaks: the higher rank has the word where several say anything."""
    with db.write() as session:
        return speaking.set_rank(session, ci, uid, wanted, caller.name, now_ms())


@router.post("/cis/{ci}/retire", response_model=views.CiDetail, summary="Retire a CI")
def retire(caller: Operator, db: Db, ci: str, wanted: life.Retirement) -> views.CiDetail:
    """Take a CI out of use: nothing is expected of it, its sources may not report, its open drifts close."""
    now = now_ms()
    with db.write() as session:
        return views.detail(session, life.retire(session, ci, wanted, caller.name, now), now)


@router.post("/cis/{ci}/reinstate", response_model=views.CiDetail, summary="Reinstate a retired CI")
def reinstate(caller: Operator, db: Db, ci: str, wanted: life.LifeReason) -> views.CiDetail:
    """Bring a retired CI back to what it was: its sources may report, and it is compared whole."""
    now = now_ms()
    with db.write() as session:
        return views.detail(session, life.reinstate(session, ci, wanted, caller.name, now), now)


@router.post("/cis/{ci}/dispose", response_model=views.CiDetail, summary="Dispose of a CI")
def dispose(caller: Admin, db: Db, ci: str, wanted: life.LifeReason) -> views.CiDetail:
    """Have a CI gone for good: certificates of its sources are revoked. It must be retired, planned or in stock."""
    now = now_ms()
    with db.write() as session:
        return views.detail(session, life.dispose(session, ci, wanted, caller.name, now), now)


@router.get("/cis/{ci}/facts", response_model=Listing[views.Fact], summary="Facts of a CI")
def facts_of(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    ci: str,
    match: Match = None,
    at: Annotated[datetime | None, Query(description="The facts as they were then, without state.")] = None,
) -> Listing[views.Fact] | Response:
    """List the facts of a CI by path, now or at a time in the past."""
    with db.read() as session:
        found = record.facts_of(session, record.find_ci(session, ci), match or (), None if at is None else to_ms(at))
    part = found[window.offset : window.offset + window.limit]
    return answer([views.fact(item) for item in part], len(found), window, f"facts-{ci}")


@router.get("/cis/{ci}/software", response_model=Listing[SoftwareRow], summary="Software of a CI")
def software_of(
    _caller: Viewer, db: Db, window: AWindow, ci: str, match: Match = None
) -> Listing[SoftwareRow] | Response:
    """List a CI's packages and images with package URL (purl), product and maker, which follow from its facts."""
    with db.read() as session:
        found = software_rows(session, record.find_ci(session, ci), match or ())
    return answer(found[window.offset : window.offset + window.limit], len(found), window, f"software-{ci}")


@router.get("/cis/{ci}/expected", response_model=Listing[ExpectedRow], summary="What is expected of a CI")
def expected_of(
    _caller: Viewer, db: Db, window: AWindow, ci: str, match: Match = None
) -> Listing[ExpectedRow] | Response:
    """List what is expected of a CI by path: the value or rule, which baseline version or RFC says so, since when."""
    with db.read() as session:
        found = expected_rows(session, record.find_ci(session, ci), match or ())
    return answer(found[window.offset : window.offset + window.limit], len(found), window, f"expected-{ci}")


@router.get("/cis/{ci}/history", response_model=views.History, summary="History of a CI")
def history_of(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    ci: str,
    match: Match = None,
    before: Annotated[int | None, Query(description="Only changes of earlier revisions; see next_before.")] = None,
) -> views.History | Response:
    """List the changes of a CI's attributes, newest first, with the evidence of each. `limit` counts reports."""
    with db.read() as session:
        found = views.history(session, record.find_ci(session, ci), match or (), window.limit, before)
    if window.format == "csv":
        return csv_of(found.items, f"history-{ci}")
    return found


FilePath = Annotated[str, Query(description="Path of a configuration file: /etc/ssh/sshd_config.", max_length=4096)]


@router.get("/cis/{ci}/files/versions", response_model=files.FileVersions, summary="Contents that a file had")
def file_versions(_caller: OperatorOrApprover, db: Db, ci: str, file: FilePath) -> files.FileVersions:
    """List the contents that a configuration file of a CI had, the latest first, with their texts without secrets."""
    with db.read() as session:
        return files.FileVersions(items=files.list_versions(session, record.find_ci(session, ci), file))


@router.get("/cis/{ci}/files/text", response_model=files.FileVersion, summary="Text of a file")
def file_text(
    _caller: OperatorOrApprover,
    db: Db,
    ci: str,
    file: FilePath,
    at: Annotated[datetime | None, Query(description="As it was then.")] = None,
    digest: Annotated[str | None, Query(description="The content with this digest, whenever it was.")] = None,
) -> files.FileVersion:
    """Show what a configuration file of a CI says, its secrets taken out, now or at a time in the past."""
    with db.read() as session:
        found = record.find_ci(session, ci)
        return files.version(session, found, file, None if at is None else to_ms(at), digest)


@router.get("/cis/{ci}/files/diff", response_model=files.FileDiff, summary="How two contents of a file differ")
def file_diff(
    _caller: OperatorOrApprover,
    db: Db,
    ci: str,
    file: FilePath,
    before: Annotated[str | None, Query(description="Digest of the one; absent where it was not there.")] = None,
    after: Annotated[str | None, Query(description="Digest of the other; absent where it is not there.")] = None,
) -> files.FileDiff:
    """Show how two contents of a configuration file differ: those with these digests, or the last two."""
    with db.read() as session:
        return files.diff(session, record.find_ci(session, ci), file, before, after)


@router.get("/cis/{ci}/why", response_model=why_views.Why, summary="Why a CI is what it is")
def why(
    _caller: Viewer,
    db: Db,
    ci: str,
    other: Annotated[str | None, Query(alias="with", description="Name or uid of a CI to compare it with.")] = None,
) -> why_views.Why:
    """Show which sources speak for a CI, what evidence they claim, what it weighs, and which CIs have the same."""
    with db.read() as session:
        return why_views.of_ci(session, record.find_ci(session, ci), other)


@router.get("/cis/{ci}/relations", response_model=Listing[relations.RelationRow], summary="Relations of a CI")
def relations_of(
    _caller: Viewer,
    db: Db,
    window: AWindow,
    ci: str,
    chains: Annotated[
        bool, Query(description="Also those further on: of all that it leans on, of all that leans on it.")
    ] = False,
) -> Listing[relations.RelationRow] | Response:
    """List how a CI stands to others, first where it stands in front."""
    with db.read() as session:
        found = relations.rows_of(session, record.find_ci(session, ci), chains=chains)
    part = found[window.offset : window.offset + window.limit]
    return answer(part, len(found), window, f"relations-{ci}")


@router.post(
    "/cis/{ci}/relations", response_model=relations.RelationRow, status_code=201, summary="Relate a CI to another"
)
def relate(caller: Operator, db: Db, ci: str, wanted: relations.NewRelation) -> relations.RelationRow:
    """Put a relation of a CI on record: runs on, installed on, connected to, member of, depends on."""
    with db.write() as session:
        return relations.relate(session, ci, wanted, caller.name, now_ms())


@router.delete("/cis/{ci}/relations", response_model=relations.RelationRow, summary="End a relation")
def unrelate(
    caller: Operator,
    db: Db,
    ci: str,
    kind: str,
    to: Annotated[str, Query(description="Name or uid of the other CI.")],
) -> relations.RelationRow:
    """End a relation of a CI to another."""
    with db.write() as session:
        return relations.unrelate(session, ci, kind, to, caller.name, now_ms())
