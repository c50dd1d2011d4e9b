"""What pvs, vgs and lvs print: with a heading or without, any columns, or as JSON.

Source: lvmreport(7), lvm2's columns.h.

Without a heading the columns are those of one of the known commands, whichever fits.
"""

import json
import re
from collections.abc import Iterator, Sequence

from driftline import late
from driftline_agent.errors import UnreadableError
from driftline_agent.numbers import whole

Row = dict[str, str]

#: Field of lvmreport(7) by its heading.
_FIELDS = {
    "PV": "pv_name",
    "VG": "vg_name",
    "LV": "lv_name",
    "Fmt": "fmt",
    "PSize": "pv_size",
    "PFree": "pv_free",
    "PV_UUID": "pv_uuid",
    "VG_UUID": "vg_uuid",
    "LV_UUID": "lv_uuid",
    "PE": "pv_pe_count",
    "Alloc": "pv_pe_alloc_count",
    "DevSize": "dev_size",
    "#PV": "pv_count",
    "#LV": "lv_count",
    "#SN": "snap_count",
    "VSize": "vg_size",
    "VFree": "vg_free",
    "Ext": "vg_extent_size",
    "#Ext": "vg_extent_count",
    "LSize": "lv_size",
    "#Seg": "seg_count",
    "#Str": "stripes",
    "Stripe": "stripe_size",
    "Type": "segtype",
    "Pool": "pool_lv",
    "Origin": "origin",
    "Data%": "data_percent",
    "Meta%": "metadata_percent",
    "Snap%": "snap_percent",
    "Move": "move_pv",
    "Log": "mirror_log",
    "Cpy%Sync": "copy_percent",
    "Copy%": "copy_percent",
    "Convert": "convert_lv",
    "Free": "free_count",
    "1st_PE": "pe_start",
    "PMdaFree": "pv_mda_free",
    "Path": "lv_path",
    "Devices": "devices",
}
_SIZE, _COUNT = r"[<>]?\d+(?:[.,]\d+)?[bBsSkKmMgGtTpPeE]?(?:iB|B)?", r"\d{1,18}"
_UUID = r"[A-Za-z0-9]{6}(?:-[A-Za-z0-9]{4}){5}-[A-Za-z0-9]{6}"
_FORMS = {
    "fmt": r"lvm[12]|pool",
    "pv_attr": r"[adu-][ax-][mdu-]?",
    "vg_attr": r"[rw-][z-][x-][p-][a-z-][cs-]?",
    "lv_attr": r"[a-zA-Z-][wrRW-][a-zA-Z-][m-]?[a-zA-Z-][o-]?[a-zA-Z-]{0,4}",
    "segtype": r"[a-z][a-z0-9_+-]*",
}
_SHAPES = {
    name: late.pattern(
        _FORMS.get(name)
        or (_UUID if name.endswith("_uuid") else "")
        or (_SIZE if name.endswith(("_size", "_free", "_start", "dev_size", "mda_free")) else "")
        or (_COUNT if name.endswith("_count") or name == "stripes" else "")
        or (r"\d+[.,]\d+" if name.endswith("_percent") else r"\S+")
    )
    for name in [*_FIELDS.values(), "pv_attr", "vg_attr", "lv_attr"]
}
#: These stand in every row.
_ALWAYS = frozenset({"pv_name", "vg_name", "lv_name", "fmt", "pv_attr", "vg_attr", "lv_attr"})
_UNITS = {"b": 1, "s": 512, **{unit: 1024**power for power, unit in enumerate("kmgtpe", 1)}}
_UNITS |= {unit: 1000**power for power, unit in enumerate("KMGTPE", 1)}


def size_of(text: str | None, bare: int = 1000**2) -> int | None:
    """Return the bytes of a size: small letters count by 1024, capitals by 1000 (lvm(8), --units).

    :param bare: what a number without a letter counts in; the recorded commands had ``--units M``.
    """
    found = re.fullmatch(r"[<>]?(\d{1,18})(?:[.,](\d{1,6}))?([a-zA-Z]?)(iB|B)?", text or "")
    if not found:
        return None
    unit = _UNITS.get(found[3].lower() if found[4] == "iB" else found[3], 0) if found[3] else bare
    digits = found[2] or ""
    scaled = int(found[1] + digits) * unit
    size = (scaled + 10 ** len(digits) // 2) // 10 ** len(digits)
    return size if unit and size < 1 << 62 else None


def exact(size: int | None, extents: int | None) -> tuple[int | None, int | None]:
    """Return size and extent size without rounding, where the number of extents is known: an extent is whole KiB."""
    if not size or not extents:
        return size, None
    extent = round(size / extents / 1024) * 1024
    if extent and abs(extent * extents - size) <= max(5_000, size // 500_000):
        return extent * extents, extent
    return size, None


def nice_extent(text: str | None) -> int | None:
    """Return an extent's size, which is printed rounded (4.19 by 1000): the power of two nearby, where there is one."""
    size = size_of(text)
    if not size:
        return None
    power: int = 1 << (size - 1).bit_length()
    for candidate in (power, power >> 1):
        if abs(candidate - size) * 100 <= size:
            return candidate
    return size


def rows(text: str, kind: str, known: Sequence[Sequence[str]]) -> list[Row]:
    """Return the rows by field.

    :param kind: pv, vg or lv.
    :param known: fields of commands that print no heading.
    :raises UnreadableError: where nothing of it is such a row.
    """
    stripped = text.strip()
    out = list(_from_json(stripped, kind) if stripped.startswith("{") else _from_table(text, kind, known))
    if stripped and not out:
        raise UnreadableError(f"no output of {kind}s: no row of it could be read")
    return out


def _from_json(text: str, kind: str) -> Iterator[Row]:
    try:
        reports = json.loads(text)["report"]
        for report in reports:
            for row in report.get(kind, []):
                yield {str(name): str(value) for name, value in row.items() if value not in ("", None)}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UnreadableError(f"no report of {kind}s in JSON: {type(error).__name__}") from error


def _from_table(text: str, kind: str, known: Sequence[Sequence[str]]) -> Iterator[Row]:
    lines = [line for line in text.splitlines() if line.strip() and len(line) < 10_000]
    columns: Sequence[Sequence[str]] = known
    separator: str | None = None
    for line in lines:
        heading = re.sub(r"\b([PVL]V|1st) (UUID|Tags|PE|#)", r"\1_\2", line.strip())
        if heading.split(maxsplit=1)[0].upper() == kind.upper() and re.search(r"\bAttr\b|UUID|Size", heading):
            columns = [[_FIELDS.get(name, f"{kind}_attr" if name == "Attr" else "") for name in heading.split()]]
            continue
        found = re.match(rf"\s*{kind.upper()}([^\w\s#])", line)
        if found:
            separator = found[1]
            names = [name.replace(" ", "_") for name in line.strip().split(separator)]
            columns = [[_FIELDS.get(name, f"{kind}_attr" if name == "Attr" else "") for name in names]]
            continue
        if separator:
            words = line.strip().split(separator)
            yield {name: word for name, word in zip(columns[0], words, strict=False) if name and word}
            continue
        for candidate in columns:
            row = _fit(candidate, line.split())
            if row:
                yield row
                break


def _fit(names: Sequence[str], words: Sequence[str]) -> Row | None:
    """Return words by column, in their order; a column that none fits is empty. None where words are left over."""
    failed: set[tuple[int, int]] = set()

    def place(column: int, word: int) -> list[int] | None:
        if word == len(words):
            return []
        if column == len(names) or len(names) - column < len(words) - word or (column, word) in failed:
            return None
        shape = _SHAPES.get(names[column])
        if shape is None or shape.fullmatch(words[word]):
            rest = place(column + 1, word + 1)
            if rest is not None:
                return [column, *rest]
        rest = None if names[column] in _ALWAYS and names[column] != "vg_name" else place(column + 1, word)
        if rest is None:
            failed.add((column, word))
        return rest

    if len(words) > len(names) or len(names) > 64:
        return None
    placed = place(0, 0)
    if not placed:
        return None
    row = {names[column]: word for column, word in zip(placed, words, strict=True) if names[column]}
    return row if all(name in row for name in names if name in _ALWAYS and name != "vg_name") else None


def count(text: str | None) -> int | None:
    """Return a small number."""
    return whole(text, (1 << 31) - 1)
