"""What REST and pages show of the catalog: its versions, classes and fields."""

from collections import Counter
from datetime import datetime

from pydantic import BaseModel, Field
from sqlmodel import Session, func, select

from driftline_baseline.catalog.model import Catalog, CiClass, CiField
from driftline_cmdb.catalog import trial, versions
from driftline_cmdb.tables.catalog import CatalogVersion
from driftline_cmdb.tables.cis import Ci
from driftline_server.times import moment


class FieldRow(BaseModel):
    """A field that CIs have."""

    name: str
    #: text, number, integer, date, boolean, money, email, url, choice, reference.
    type: str
    description: str
    #: The classes whose CIs have it; empty: all.
    of: list[str]
    unit: str | None
    required: bool
    unique: bool
    pattern: str | None
    choices: list[str]
    #: Of a reference: the class of the CI that is meant.
    to: str | None
    built_in: bool


class ClassRow(BaseModel):
    """A class of CIs."""

    name: str
    meaning: str
    #: The built-in class that it is a kind of; None for a built-in one.
    based_on: str | None
    #: True where an agent or a device speaks for such a CI.
    reports: bool
    #: Kinds of relations that make sense in front of it: a hint.
    relations: list[str]
    #: Names of the fields that its CIs have.
    fields: list[str]
    #: CIs of it that are on record.
    cis: int


class CatalogDetail(BaseModel):
    """A version of the catalog, with what is built in."""

    version: int
    #: The version in force.
    newest: int
    author: str
    comment: str
    #: None for what driftline is shipped with.
    created: datetime | None
    document: str
    classes: list[ClassRow]
    fields: list[FieldRow]


class CatalogVersionRow(BaseModel):
    """A version of the catalog."""

    version: int
    author: str
    comment: str
    created: datetime | None


class BrokenRow(BaseModel):
    """What of a CI would no longer fit."""

    uid: str
    name: str
    attribute: str
    value: str
    why: str


class LackingRow(BaseModel):
    """A required field that CIs lack; that is no obstacle."""

    field: str
    cis: int
    #: Some of them.
    names: list[str]


class TrialDetail(BaseModel):
    """What a document would do."""

    #: In words.
    changes: list[str]
    #: With any of these it is refused.
    broken: list[BrokenRow]
    lacking: list[LackingRow]


class NewCatalog(BaseModel):
    """A catalog document."""

    document: str = Field(max_length=1_000_000)
    comment: str = Field(default="", max_length=4000, description="Why.")
    after: int | None = Field(default=None, description="The version that it was made from; refused if it is older.")


class CatalogDocument(BaseModel):
    """A catalog document to look at."""

    document: str = Field(max_length=1_000_000)


def show(session: Session, number: int | None = None) -> CatalogDetail:
    """Return a version, the one in force by default."""
    newest = versions.in_force(session)
    found = newest if number is None else versions.version(session, number)
    catalog = versions.parsed(found.document)
    counted = Counter(dict(session.exec(select(Ci.ci_class, func.count()).group_by(Ci.ci_class)).all()))
    return CatalogDetail(
        **version_row(found).model_dump(),
        newest=newest.number,
        document=found.document,
        classes=[class_row(catalog, one, counted[one.name]) for one in catalog.classes.values()],
        fields=[field_row(one) for one in catalog.fields],
    )


def history(session: Session) -> list[CatalogVersionRow]:
    """Return all versions, the newest first."""
    return [version_row(one) for one in versions.history(session)]


def version_row(found: CatalogVersion) -> CatalogVersionRow:
    """Return a version without its document."""
    return CatalogVersionRow(
        version=found.number,
        author=found.author,
        comment=found.comment,
        created=moment(found.created_ms) if found.number else None,
    )


def class_row(catalog: Catalog, one: CiClass, cis: int) -> ClassRow:
    """Return a class as it is shown."""
    return ClassRow(
        name=one.name,
        meaning=one.meaning,
        based_on=one.based_on,
        reports=one.reports,
        relations=list(one.relations),
        fields=list(catalog.fields_of(one.name)),
        cis=cis,
    )


def field_row(one: CiField) -> FieldRow:
    """Return a field as it is shown."""
    return FieldRow(
        name=one.name,
        type=one.type,
        description=one.description,
        of=list(one.of),
        unit=one.unit,
        required=one.required,
        unique=one.unique,
        pattern=one.pattern,
        choices=list(one.choices),
        to=one.to,
        built_in=one.built_in,
    )


def trial_detail(found: trial.Trial) -> TrialDetail:
    """Return what a document would do."""
    return TrialDetail(
        changes=list(found.changes),
        broken=[
            BrokenRow(uid=one.uid, name=one.name, attribute=one.attribute, value=str(one.value), why=one.why)
            for one in found.broken
        ],
        lacking=[LackingRow(field=one.field, cis=one.cis, names=list(one.names)) for one in found.lacking],
    )
