"""Import of what people say of CIs from a table: all that is wrong is told, and all of it is written, or nothing.

A preview keeps what it saw; applying refuses with the difference where that is no longer so.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any
from uuid import uuid4

from sqlmodel import Session, col, select

from driftline_baseline.catalog.model import PREFIX, Catalog, name_of
from driftline_baseline.catalog.sheet import CLEAR, Sheet, SheetError, SheetRow, read, unguard
from driftline_cmdb.catalog.versions import catalog_of
from driftline_cmdb.cis import changes
from driftline_cmdb.cis.changes import LABEL, TEXTS, Plan
from driftline_cmdb.cis.lookup import Lookup, Named
from driftline_cmdb.cis.matching import BY, Match, matches
from driftline_cmdb.errors import Invalid
from driftline_cmdb.packing import chunks
from driftline_cmdb.tables.cis import Ci

#: Rows of one table.
MOST_ROWS = 50_000
#: Other words for columns, as exports and people have them.
ALIASES = {"ci_class": "class", "site": "location", "service": "services", "responsible person": "responsible"}
#: Columns of the export that nobody sets.
READ_ONLY = ("life_cycle", "version", "os", "open_drifts", "first_seen", "last_seen")
COLUMNS = (*BY, "class", "status", *TEXTS, "services")
#: What driftline sees and nobody says; the export has it where the CI is silent.
_SEEN = "silent"


@dataclass(frozen=True, slots=True)
class Options:
    """How a table is read."""

    #: One of `matching.BY`; None: the surest that there is a column of.
    match: str | None = None
    #: CIs that are not on record are made.
    create: bool = False
    delimiter: str | None = None
    #: What takes away a value.
    clear: str = CLEAR

    def plain(self) -> dict[str, Any]:
        """Return them as a dict."""
        return asdict(self)


@dataclass
class Preview:
    """What a table would do."""

    plans: list[tuple[int, Plan]]
    errors: list[SheetError]
    delimiter: str
    match: str
    #: Columns that are not imported.
    ignored: tuple[str, ...] = ()
    options: Options = field(default_factory=Options)

    def changed(self) -> list[tuple[int, Plan]]:
        """Return the plans that change something, by line."""
        return [(line, made) for line, made in self.plans if made.ci is None or made.changes]

    def seen(self) -> dict[str, dict[str, list[Any]]]:
        """Return what changes, as it is compared when it is applied."""
        names = {made.uid: f"new {made.name}" for _, made in self.plans if made.ci is None}  # their uids are random
        return {
            names.get(made.uid, made.uid): {
                name: [before, names.get(after, after) if isinstance(after, str) else after]
                for name, (before, after) in made.changes.items()
            }
            for _, made in self.changed()
        }

    def digest(self, content: bytes) -> str:
        """Return what stands for the table, how it is read, and what it would change."""
        said = json.dumps([self.options.plain(), self.seen()], sort_keys=True).encode()
        return sha256(sha256(content).digest() + said).hexdigest()[:32]


def preview(session: Session, content: bytes, options: Options, *, to_write: bool = False) -> Preview:
    """Return what a table would do; nothing is written.

    :param to_write: lock the CIs, to write it afterwards.
    :raises Invalid: an option that does not do.
    """
    _check(options)
    sheet = read(content, options.delimiter, MOST_ROWS)
    catalog = catalog_of(session)
    columns, ignored, errors = _columns(sheet, catalog)
    match, trouble = _match(options, columns.values())
    errors += [SheetError(1, trouble)] if trouble and sheet.columns else []
    made = Preview([], [*sheet.errors, *errors], sheet.delimiter, match, ignored, options)
    if not sheet.columns or trouble:
        return made
    found = _find(session, sheet.rows, columns, match)
    cis = _load(session, {ci_id for one in found.values() for ci_id in one.ids}, to_write)
    lookup = Lookup(session, catalog)
    _warm(lookup, sheet.rows, columns, catalog)
    rows = [
        _Row(row, {columns[name]: cell for name, cell in row.cells.items() if name in columns}) for row in sheet.rows
    ]
    for row in rows:
        row.find(found, cis, options, match)
    _note_new(lookup, rows)
    _note_twice(rows)
    for row in rows:
        if row.error is None:
            row.plan(lookup, options)
        made.errors += [SheetError(row.line, row.error)] if row.error else []
        if row.made is not None:
            made.plans.append((row.line, row.made))
    good = [(line, one) for line, one in made.plans if not one.problems]
    changes.note_doubles(session, catalog, [one for _, one in good])
    made.errors += [SheetError(line, problem) for line, one in made.plans for problem in one.problems]
    made.errors.sort(key=lambda error: error.line)
    return made


def _check(options: Options) -> None:
    if options.match is not None and options.match not in BY:
        raise Invalid(f'match: "{options.match}" is not one of {", ".join(BY)}')
    if options.delimiter is not None and (len(options.delimiter) != 1 or options.delimiter in '"\r\n'):
        raise Invalid(f"delimiter: {options.delimiter!r} is not one character; write , or ; or a tab")
    if not options.clear.strip() or len(options.clear) > 40:
        raise Invalid("clear: must have 1 to 40 characters; an empty cell always leaves what is there")


def _columns(sheet: Sheet, catalog: Catalog) -> tuple[dict[str, str], tuple[str, ...], list[SheetError]]:
    """Return the attribute that each column says; columns that nobody sets; and what is wrong with the others."""
    columns: dict[str, str] = {}
    errors: list[SheetError] = []
    ignored: list[str] = []
    for title in sheet.columns:
        name = ALIASES.get(title, title)
        if title in READ_ONLY:
            ignored.append(title)
        elif name in columns.values():
            errors.append(SheetError(1, f'column "{title}": stands twice, under another name'))
        elif name in COLUMNS or (name.startswith(LABEL) and name[len(LABEL) :].strip()) or _is_field(catalog, name):
            columns[title] = name
        elif name.startswith(PREFIX):
            errors.append(SheetError(1, f'column "{title}": the catalog has no such field; driftline catalog show'))
        else:
            known = ", ".join((*COLUMNS, "label.NAME", "field.NAME"))
            errors.append(SheetError(1, f'column "{title}": is not known; known are {known}'))
    return columns, tuple(ignored), errors


def _is_field(catalog: Catalog, name: str) -> bool:
    return name_of(name) is not None and bool(catalog.named(name[len(PREFIX) :]))


def _match(options: Options, columns: Iterable[str]) -> tuple[str, str]:
    """Return what CIs are found by, and what is wrong with that."""
    there = set(columns)
    by = options.match or next((one for one in BY if one in there), "name")
    if by not in there:
        return by, f"there is no column {by} to find CIs by; the first line names the columns: {by};owner"
    if options.create and "name" not in there:
        return by, "CIs are to be made, and there is no column name"
    return by, ""


def _find(
    session: Session, rows: Sequence[SheetRow], columns: Mapping[str, str], match: str
) -> dict[tuple[str, str], Match]:
    """Return the CIs that each row may mean, by what it is found by and the text."""
    found: dict[tuple[str, str], Match] = {}
    for by in {match, "name"} & set(columns.values()):
        titles = [title for title, name in columns.items() if name == by]
        texts = {unguard(row.cells[title]) for row in rows for title in titles if title in row.cells}
        found |= {(by, text): one for text, one in matches(session, by, texts).items()}
    return found


def _load(session: Session, ids: set[int], to_write: bool) -> dict[int, Ci]:
    found: dict[int, Ci] = {}
    for chunk in chunks(sorted(ids)):
        query = select(Ci).where(col(Ci.id).in_(chunk)).order_by(col(Ci.id))
        found.update((ci.id, ci) for ci in session.exec(query.with_for_update() if to_write else query))
    return found


def _warm(lookup: Lookup, rows: Sequence[SheetRow], columns: Mapping[str, str], catalog: Catalog) -> None:
    """Look up at once all CIs that references name."""
    named = {one.name for one in catalog.fields if one.type == "reference"}
    titles = [title for title, name in columns.items() if name_of(name) in named]
    lookup.load({unguard(row.cells[title]) for row in rows for title in titles if title in row.cells})


def _note_new(lookup: Lookup, rows: Sequence["_Row"]) -> None:
    """Let rows refer to CIs that other rows make."""
    new = [row for row in rows if row.uid is not None]
    lookup.load(row.name for row in new)
    for row in new:
        lookup.add(Named(row.uid or "", row.name, row.cells.get("class", "server")))


def _note_twice(rows: Sequence["_Row"]) -> None:
    first: dict[object, int] = {}
    for row in rows:
        key: object = row.ci.id if row.ci is not None else row.name if row.uid is not None else None
        if key is None:
            continue
        if key in first:
            row.error = f"{row.name} stands in line {first[key]} already"
        first.setdefault(key, row.line)


class _Row:
    """One row on its way to a plan."""

    def __init__(self, row: SheetRow, cells: dict[str, str]) -> None:
        self.line = row.line
        self.cells = cells
        self.name = unguard(cells.get("name", ""))
        self.ci: Ci | None = None
        #: Of the CI that it makes.
        self.uid: str | None = None
        self.made: Plan | None = None
        self.error: str | None = None

    def find(self, found: Mapping[tuple[str, str], Match], cis: Mapping[int, Ci], options: Options, match: str) -> None:
        """Find its CI, or settle that it makes one."""
        by = match
        if by not in self.cells and options.match is None and "name" in self.cells:
            by = "name"  # an export with new rows below: those have no uid yet
        text = unguard(self.cells.get(by, ""))
        if not text:
            self.error = f"has no {by}; which CI is meant?"
            return
        one = found.get((by, text), Match())
        if len(one.ids) == 1:
            self.ci = cis[one.ids[0]]
            if self.name and by != "name" and self.name != self.ci.name:
                self.error = (
                    f'name: {by} {text} is {self.ci.name}, and this row says "{self.name}"; which one is meant?'
                )
            self.name = self.ci.name
        elif one.ids:
            uids = ", ".join(sorted(cis[ci_id].uid for ci_id in one.ids))
            self.error = f'{by}: "{text}" is of {len(one.ids)} CIs; name one in a column uid: {uids}'
        elif options.create and not (one.why and by == "uid"):
            self._settle_new(by, found)
        else:
            self.error = f'{by}: "{text}" {one.why or "is of no CI on record; --create makes it"}'

    def _settle_new(self, by: str, found: Mapping[tuple[str, str], Match]) -> None:
        if by == "uid":
            self.error = f'uid: "{unguard(self.cells["uid"])}" is of no CI; leave it empty where a CI is to be made'
        elif not self.name:
            self.error = "name: is empty, and the CI is to be made"
        elif found.get(("name", self.name), Match()).ids:
            self.error = f'name: a CI is named "{self.name}" already, and its {by} is another'
        else:
            self.uid = str(uuid4())

    def plan(self, lookup: Lookup, options: Options) -> None:
        """Plan what it says."""
        said: dict[str, Any] = {}
        for name, cell in self.cells.items():
            if name in BY or (name == "status" and cell == _SEEN):
                continue
            if cell == options.clear:
                if name in ("class", "status"):
                    self.error = f"{name}: cannot be cleared"
                    return
                said[name] = None
            elif name == "services":
                try:
                    said[name] = _services(unguard(cell))
                except ValueError as error:
                    self.error = f"services: {error}"
                    return
            else:
                said[name] = unguard(cell)
        if self.ci is not None:
            self.made = changes.plan(lookup, self.ci, said)
        elif self.uid is not None:
            status = "planned" if lookup.catalog.reports(said.get("class", "server")) else "installed"
            self.made = changes.plan_new(lookup, self.uid, self.name, {"status": status, **said})


def _services(cell: str) -> list[str]:
    if cell.startswith("["):
        try:
            found = json.loads(cell)
        except ValueError as error:
            raise ValueError(f'"{cell[:80]}" is no JSON list: {error}') from error
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise ValueError(f'"{cell[:80]}" is no list of texts')
        return found
    return [part.strip() for part in cell.replace(";", ",").replace("\n", ",").split(",") if part.strip()]
