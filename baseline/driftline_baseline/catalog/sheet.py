"""Tables as spreadsheets write them (CSV): what Excel, LibreOffice and driftline's own export make of them."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

#: What may stand between two cells.
DELIMITERS = (";", ",", "\t")
#: A cell that begins so is a formula to a spreadsheet (OWASP, "CSV injection"); an apostrophe before it keeps it text.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
#: A cell that takes away what was there; an empty one leaves it.
CLEAR = "-"
_MARKS = {"utf-16": (b"\xff\xfe", b"\xfe\xff")}
_SEPARATOR_LINE = "sep="
_COLUMNS = 500


@dataclass(frozen=True, slots=True)
class SheetError:
    """What is wrong with a table, and where."""

    #: From 1; of a row that spans several lines, its first.
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row that is not empty."""

    line: int
    #: By column; empty cells are left out.
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table."""

    columns: tuple[str, ...]
    rows: tuple[SheetRow, ...]
    errors: tuple[SheetError, ...]
    delimiter: str


def guard(text: str) -> str:
    """Return a text as a cell that no spreadsheet runs; :func:`unguard` gives it back."""
    return f"'{text}" if text.lstrip("'").startswith(FORMULA) else text


def unguard(cell: str) -> str:
    """Return the text of a cell."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(FORMULA) else cell


def read(content: bytes, delimiter: str | None = None, most_rows: int = 100_000) -> Sheet:
    """Read a table; everything that is wrong with it is told, with its line.

    :param delimiter: what stands between cells; found out by the first line where it is None.
    """
    text, error = _decoded(content)
    if error is not None:
        return Sheet((), (), (error,), delimiter or ",")
    first = text.partition("\n")[0].strip()
    skipped = 0
    if first.lower().startswith(_SEPARATOR_LINE) and len(first) <= len(_SEPARATOR_LINE) + 1:  # Excel's own hint
        delimiter = delimiter or first[len(_SEPARATOR_LINE) :] or None
        text, skipped = text.partition("\n")[2], 1
    used = delimiter or _delimiter_of(text)
    header: list[str] | None = None
    rows: list[SheetRow] = []
    errors: list[SheetError] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=used, strict=True)
    while True:
        line = reader.line_num + 1 + skipped
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            break
        except csv.Error as problem:
            errors.append(SheetError(line, f"cannot be read: {problem}; the rows after it were not looked at"))
            break
        if not any(cells):
            continue
        if header is None:
            header = [cell.lower() if not cell.lower().startswith(("label.", "field.")) else cell for cell in cells]
            errors += _wrong_header(header, line)
        elif len(rows) >= most_rows:
            errors.append(SheetError(line, f"is more than {most_rows} rows; import them in parts"))
            break
        else:
            errors += _wrong_row(header, cells, line, used)
            named = zip(header, cells, strict=False)
            rows.append(SheetRow(line, {name: cell for name, cell in named if name and cell}))
    if header is None:
        errors.append(SheetError(1, "there is nothing in it; the first line names the columns: name;owner;field.x"))
    elif not rows and not errors:
        errors.append(SheetError(1, "has no row below its first line"))
    return Sheet(tuple(name for name in header or () if name), tuple(rows), tuple(errors), used)


def _decoded(content: bytes) -> tuple[str, SheetError | None]:
    for encoding, marks in _MARKS.items():
        if content.startswith(marks):
            try:
                return content.decode(encoding), None
            except UnicodeDecodeError:
                return "", SheetError(1, "begins as UTF-16 and is none; save it as CSV UTF-8")
    try:
        return content.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return "", SheetError(line, f"is not UTF-8 (byte {content[error.start]:#04x}); save it as CSV UTF-8")


def _delimiter_of(text: str) -> str:
    """Return what stands most often in the first line that says something, outside quotes."""
    line = next((line for line in text.splitlines() if line.strip(' ";,\t')), "")
    outside = "".join(line.split('"')[::2])
    return max(DELIMITERS, key=outside.count) if any(one in outside for one in DELIMITERS) else ","


def _wrong_header(header: Sequence[str], line: int) -> list[SheetError]:
    twice = sorted({name for name in header if name and header.count(name) > 1})
    found = [SheetError(line, f'column "{name}" stands twice') for name in twice]
    if len(header) > _COLUMNS:
        found.append(SheetError(line, f"has more than {_COLUMNS} columns"))
    return found


def _wrong_row(header: Sequence[str], cells: Sequence[str], line: int, used: str) -> list[SheetError]:
    nameless = [index for index, cell in enumerate(cells) if cell and (index >= len(header) or not header[index])]
    return [
        SheetError(
            line,
            f'cell {index + 1}, "{cells[index][:40]}", stands in no named column; quote cells with a {used!r} in them',
        )
        for index in nameless[:1]
    ]
