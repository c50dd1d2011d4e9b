"""Lists: every one filters, sorts and pages on the server, and exports CSV and JSON."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Query
from fastapi.responses import Response
from pydantic import BaseModel
from sqlalchemy import ColumnElement, func, literal, nulls_last
from sqlalchemy.sql.elements import UnaryExpression
from sqlmodel import Session, select

from driftline_baseline.catalog.sheet import guard
from driftline_cmdb.errors import Invalid

#: Rows of one answer at most; a larger export takes several.
MAXIMUM = 10_000

Row = TypeVar("Row", bound=BaseModel)
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list, in which order, in which form."""

    limit: int = 100
    offset: int = 0
    #: Name of a column, with ``-`` before it for descending; None for the list's own order.
    sort: str | None = None
    format: str = "json"


def _window(
    limit: Annotated[int, Query(ge=1, le=MAXIMUM, description="Rows at most.")] = 100,
    offset: Annotated[int, Query(ge=0, description="Rows to leave out first.")] = 0,
    sort: Annotated[str | None, Query(description="Column to sort by; -column for descending.")] = None,
    format: Annotated[Literal["json", "csv"], Query(description="csv has one line a row.")] = "json",  # noqa: A002  # the parameter's name for users
) -> Window:
    return Window(limit, offset, sort, format)


def _page_window(
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
    sort: str | None = None,
) -> Window:
    return Window(limit, offset, sort)


#: What a list of the API takes.
AWindow = Annotated[Window, Depends(_window)]
#: What a list on a page takes.
PageWindow = Annotated[Window, Depends(_page_window)]


class Listing(BaseModel, Generic[Row]):
    """A part of a list."""

    items: list[Row]
    #: Rows of the whole list, with the filters applied.
    total: int
    limit: int
    offset: int


def ordering(window: Window, columns: Mapping[str, Any], default: str) -> UnaryExpression[Any]:
    """Return what to sort by; rows without a value come last.

    :param columns: what may be sorted by, by the names that users give.
    :raises Invalid: another name.
    """
    text = window.sort or default
    name = text.removeprefix("-")
    if name not in columns:
        raise Invalid(f'sort: "{name}" is not one of {", ".join(columns)}')
    column: ColumnElement[Any] = columns[name]
    result: UnaryExpression[Any] = nulls_last(column.desc() if text.startswith("-") else column.asc())
    return result


def part(
    session: Session, statement: Any, window: Window, columns: Mapping[str, Any], default: str, tie: Any
) -> tuple[Sequence[Any], int]:
    """Return the rows of a statement that lie in a window, and how many it has in all.

    :param columns: what may be sorted by, by the names that users give.
    :param default: the list's own order.
    :param tie: column that decides between equals, so that paging never shows a row twice.
    :raises Invalid: a column that cannot be sorted by.
    """
    ordered = statement.order_by(ordering(window, columns, default), tie)
    rows = session.exec(ordered.limit(window.limit).offset(window.offset)).all()
    bare = statement.with_only_columns(literal(1), maintain_column_froms=True)
    return rows, session.exec(select(func.count()).select_from(bare.subquery())).one()


def contains(column: Any, text: str) -> ColumnElement[bool]:
    """Return the condition that a column contains a text, in any case."""
    result: ColumnElement[bool] = column.icontains(text, autoescape=True)
    return result


def answer(rows: Sequence[Row], total: int, window: Window, name: str) -> "Listing[Row] | Response":
    """Return a list in the form that was asked for.

    :param name: file name of a CSV, without ending.
    """
    if window.format == "csv":
        return csv_of(rows, name, total)
    return Listing(items=list(rows), total=total, limit=window.limit, offset=window.offset)


def csv_of(rows: Sequence[BaseModel], name: str, total: int | None = None) -> Response:
    """Return rows as a CSV file.

    :param name: of the file, without ending.
    :param total: rows of the whole list, for the header X-Total-Count.
    """
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)
    headers = {"Content-Disposition": f'attachment; filename="{safe}.csv"'}
    if total is not None:
        headers["X-Total-Count"] = str(total)
    return Response(to_csv(rows), media_type="text/csv; charset=utf-8", headers=headers)


def to_csv(rows: Sequence[BaseModel]) -> str:
    """Return rows as CSV (RFC 4180); what holds more than one value stands as JSON, or in columns of its own."""
    out = io.StringIO()
    writer = csv.writer(out)
    if rows:
        columns = [column for name in type(rows[0]).model_fields for column in _columns(name, rows)]
        writer.writerow([guard(title) for title, _, _ in columns])
        for row in rows:
            values = ((getattr(row, name), key) for _, name, key in columns)
            writer.writerow([cell(value if key is None else value.get(key)) for value, key in values])
    return out.getvalue()


def _columns(name: str, rows: Sequence[BaseModel]) -> list[tuple[str, str, str | None]]:
    """Return the columns of one part of rows: title, name, and the key where each key has a column of its own.

    A model says so by ``SPREAD``: name of the part -> what stands before its keys.
    """
    before = getattr(type(rows[0]), "SPREAD", {}).get(name)
    if before is None:
        return [(name, name, None)]
    return [(f"{before}.{key}", name, key) for key in sorted({key for row in rows for key in getattr(row, name)})]


def cell(value: object) -> str | int | float:
    """Return a value as a cell. Text that a spreadsheet would run as a formula is quoted by an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return value
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, BaseModel):
        text = value.model_dump_json(exclude_none=True)
    elif isinstance(value, str):
        text = value
    else:
        text = json.dumps(value, ensure_ascii=False, default=lambda item: item.model_dump(mode="json"))
    return guard(text)


@dataclass(frozen=True, slots=True)
class Shown(Generic[Item]):
    """A list as a page shows it, with the links that lead on."""

    items: Sequence[Item]
    total: int
    window: Window
    #: Of the page.
    path: str
    #: Filters in force.
    filters: Mapping[str, str | None]
    #: Of the list in the API, where it is another than the page's.
    api_path: str | None = None

    def url(self, **changes: str | int | None) -> str:
        """Return the link to this list with something changed."""
        now: dict[str, str | int | None] = {**self.filters, "sort": self.window.sort, **changes}
        query = urlencode({name: value for name, value in now.items() if value not in (None, "", 0)})
        return f"{self.path}?{query}" if query else self.path

    def sort_url(self, name: str) -> str:
        """Return the link that sorts by a column, or turns its order round."""
        return self.url(sort=f"-{name}" if self.window.sort == name else name)

    def export_url(self, form: str) -> str:
        """Return the link to the same list in the API."""
        return "/api/v1" + (self.api_path or self.path) + self.url(format=form, limit=MAXIMUM)[len(self.path) :]

    @property
    def first(self) -> int:
        """Number of the first row shown, from 1; 0 where there is none."""
        return self.window.offset + 1 if self.items else 0

    @property
    def last(self) -> int:
        """Number of the last row shown."""
        return self.window.offset + len(self.items)

    @property
    def before_url(self) -> str | None:
        """Link to the part before."""
        return self.url(offset=max(0, self.window.offset - self.window.limit)) if self.window.offset else None

    @property
    def next_url(self) -> str | None:
        """Link to the part after."""
        return self.url(offset=self.last) if self.last < self.total else None
