"""Names of PCI and USB ids, from the lists that the host has: pci.ids, usb.ids, or the sources of udev's hwdb.

A list has a megabyte and more. It is read only where an id is met that was not looked up before, and only what is asked
for is kept. Source: https://pci-ids.ucw.cz (form of the file), hwdb(7).
"""

from driftline import late
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host

LISTS = {
    "pci": ("/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids", "/usr/share/pci.ids"),
    "usb": ("/usr/share/misc/usb.ids", "/usr/share/hwdata/usb.ids", "/var/lib/usbutils/usb.ids", "/usr/share/usb.ids"),
}
_HWDB = ("/usr/lib/udev/hwdb.d", "/lib/udev/hwdb.d")
_HWDB_FILES = {"pci": ("20-pci-vendor-model.hwdb", "20-pci-classes.hwdb"), "usb": ("20-usb-vendor-model.hwdb",)}
#: ("8086",) is a vendor, ("8086", "1237") a device,
#: ("8086", "1237", "1af4", "1100") a subsystem, ("C", "0106") a class.
Id = tuple[str, ...]


def _line_after(text: bytes, start: bytes, begin: int, end: int) -> str:
    at = text.find(start, begin, end)
    if at < 0:
        return ""
    at += len(start)
    stop = text.find(b"\n", at)
    return text[at : len(text) if stop < 0 else stop].decode("utf-8", "replace").strip()


_NEXT = late.pattern(rb"\n[^\t#\n]")
_NEXT_DEVICE = late.pattern(rb"\n(?:\t[^\t]|[^\t#\n])")


def in_list(text: bytes, wanted: Id, places: dict[bytes, tuple[int, int]]) -> str:
    """Return a name out of a pci.ids or usb.ids, or nothing. The text must begin with a line end.

    :param places: where vendors and classes begin and end, as far as they were looked for; filled in here.
    """
    if wanted[0] == "C":
        base, below = wanted[1][:2].encode(), wanted[1][2:].encode()
        start = b"\nC " + base + b"  "
    else:
        base, below = wanted[0].encode(), b"".join(part.encode() for part in wanted[1:2])
        start = b"\n" + base + b"  "
    if start not in places:
        top = text.find(start)
        following = _NEXT.search(text, top + 1) if top >= 0 else None
        places[start] = top, following.start() + 1 if following else len(text)
    top, end = places[start]
    if top < 0:
        return ""
    if wanted[0] == "C":
        name = _line_after(text, b"\n\t" + below + b"  ", top, end)
        return name or _line_after(text, base + b"  ", top, end)
    if len(wanted) == 1:
        return _line_after(text, b"\n" + base + b"  ", top, end)
    name = _line_after(text, b"\n\t" + below + b"  ", top, end)
    if len(wanted) == 2 or not name:
        return name
    device = text.find(b"\n\t" + below + b"  ", top, end)
    following = _NEXT_DEVICE.search(text, device + 2, end)
    stop = following.start() + 1 if following else end
    return _line_after(text, f"\n\t\t{wanted[2]} {wanted[3]}  ".encode(), device, stop)


def in_hwdb(text: bytes, kind: str, wanted: Id) -> str:
    """Return a name out of hwdb's sources, or nothing."""
    if wanted[0] == "C":
        match, field = f"pci:v*d*sv*sd*bc{wanted[1][:2]}sc{wanted[1][2:]}*", "ID_PCI_SUBCLASS_FROM_DATABASE"
    else:
        parts = [part.upper() for part in wanted]
        width = 8 if kind == "pci" else 4
        names = (("v", "d", "sv", "sd"), ("v", "p"))[kind == "usb"]
        match = f"{kind}:" + "".join(f"{name}{part:0>{width}}" for name, part in zip(names, parts, strict=False)) + "*"
        field = "ID_VENDOR_FROM_DATABASE" if len(wanted) == 1 else "ID_MODEL_FROM_DATABASE"
    at = text.find(f"\n{match}\n".encode())
    if at < 0:
        return ""
    end = text.find(b"\n\n", at)
    return _line_after(text, f"\n {field}=".encode(), at, len(text) if end < 0 else end)


def _source(host: Host, kind: str) -> tuple[tuple[object, ...], list[str], bool]:
    """Return what tells the list apart from a later one, its files, and whether it is hwdb's."""
    for path in LISTS[kind]:
        found = host.stat(path)
        if found is not None:
            return (path, found.st_ino, found.st_mtime_ns, found.st_size), [path], False
    for folder in _HWDB:
        paths = [f"{folder}/{name}" for name in _HWDB_FILES[kind]]
        found = host.stat(paths[0])
        if found is not None:
            return (folder, found.st_ino, found.st_mtime_ns, found.st_size), paths, True
    return (), [], False


def names(host: Host, kind: str, wanted: set[Id]) -> dict[Id, str]:
    """Return the names of ids; of one that the host has no name for, nothing.

    :param kind: pci or usb.
    """
    try:
        state, paths, hwdb = _source(host, kind)
    except UnreadableError:
        return {}
    kept: tuple[tuple[object, ...], dict[Id, str]] | None = host.kept.get(f"{kind}.ids")
    if kept is None or kept[0] != state:
        kept = host.kept[f"{kind}.ids"] = (state, {})
    known = kept[1]
    missing = wanted - known.keys()
    if missing and paths:
        try:
            text = b"\n".join([b"", *(host.read_bytes(path) or b"" for path in paths)])
        except UnreadableError:
            return {}
        places: dict[bytes, tuple[int, int]] = {}
        for each in missing:
            known[each] = in_hwdb(text, kind, each) if hwdb else in_list(text, each, places)
    return {each: name for each in wanted if (name := known.get(each, ""))}
