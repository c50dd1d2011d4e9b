"""What follows from an element's facts and is shown beside them: package URL, product, and who makes it."""

from collections.abc import Mapping

from google.protobuf.message import Message

from driftline import paths
from driftline.purl import PurlError, purl_of, purl_of_image, purl_of_language_package
from driftline.schema import Value
from driftline.titles import title_of, title_of_language_package
from driftline.v1.os_pb2 import Release
from driftline.v1.software_pb2 import Image, LanguagePackage, Package

_KINDS: dict[tuple[str, ...], type[Package | LanguagePackage | Image]] = {
    ("software", "packages"): Package,
    ("software", "language_packages"): LanguagePackage,
    ("software", "images"): Image,
}


def of_message(message: Message, release: Release) -> dict[str, str]:
    """Return what follows from a message: ``purl``, ``title`` (stable id), ``product`` (name), ``maker``.

    :param release: of the host's distribution.
    """
    title = None
    try:
        if isinstance(message, Package):
            purl, title = purl_of(message, release), title_of(message)
        elif isinstance(message, LanguagePackage):
            purl, title = purl_of_language_package(message), title_of_language_package(message)
        elif isinstance(message, Image):
            purl = purl_of_image(message)
        else:
            return {}
    except PurlError:
        purl = None
    out = {} if purl is None else {"purl": str(purl)}
    if title is not None:
        out |= {"title": title.id, "product": title.name}
        if title.vendor:
            out["maker"] = title.vendor
    return out


def of_element(path: str, attributes: Mapping[str, Value], release: Release) -> dict[str, str]:
    """Return the same of an element by its path and its attributes.

    :raises PathError: where the text is no path.
    """
    steps = list(paths.steps(path))
    kind = _KINDS.get(tuple(name for name, _ in steps))
    keys = steps[-1][1] if steps else None
    if kind is None or keys is None:
        return {}
    message = kind()
    fields = kind.DESCRIPTOR.fields
    for descriptor, key in zip(fields, keys, strict=False):  # keys come first in each of them
        setattr(message, descriptor.name, key)
    for name in ("version", "source", "channel", "revision"):
        value = attributes.get(name)
        if isinstance(value, str) and name in kind.DESCRIPTOR.fields_by_name:
            setattr(message, name, value)
    if isinstance(message, Image):
        for name in ("tags", "digests"):
            value = attributes.get(name)
            if isinstance(value, (tuple, list)):
                getattr(message, name).extend(str(one) for one in value)
    return of_message(message, release)


def release_of(attributes: Mapping[str, Value]) -> Release:
    """Return the release that attributes by path tell of: ``os.release.id``, ``os.release.version``."""
    return Release(
        id=str(attributes.get("os.release.id") or ""), version=str(attributes.get("os.release.version") or "")
    )
