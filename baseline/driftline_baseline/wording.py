"""What a path names, in words: one wording for pages, commands, RFCs and notifications."""

from collections.abc import Mapping

from driftline import paths

#: A list's name in the schema is a plural; these are what one of its elements is called.
_SINGULAR = {
    "filesystems": "filesystem",
    "addresses": "address",
    "interfaces": "interface",
    "devices": "block device",
    "sysctls": "kernel setting",
    "listening": "listening socket",
}


def package_of(path: str) -> tuple[str, str, str] | None:
    """Return manager, name and architecture where a path belongs to a package."""
    for name, keys in paths.steps(path):
        if name == "packages" and keys and len(keys) == 3:
            return keys[0], keys[1], keys[2]
    return None


#: Attributes that stand for more than their name says.
_WHOLE = {"record.announced": "announcement"}


def what(path: str, names: Mapping[str, str] | None = None) -> str:
    """Return what a path names: ``version of package openssl (dpkg, amd64)``.

    :param names: what to say instead of a key: the name of the CI that a relation's uid means.
    """
    if path in _WHOLE:
        return _WHOLE[path]
    named = names or {}
    parts = list(paths.steps(path))
    name, attribute = "", ""
    for field, keys in parts:
        if keys is None:
            attribute = field.replace("_", " ")
            continue
        singular = _SINGULAR.get(field, field.removesuffix("s")).replace("_", " ")
        if field == "packages" and len(keys) == 3:
            here = f"package {keys[1]} ({keys[0]}, {keys[2]})"
        elif field == "links" and len(keys) == 3:
            here = f"link {keys[0]} to {named.get(keys[1], keys[1])} {keys[2]}"
        else:
            here = f"{singular} {' '.join(named.get(key, key) for key in keys if key)}"
        name = f"{here} of {name}" if name else here
        attribute = ""
    if not name:
        return " ".join(field.replace("_", " ") for field, _ in parts)
    return f"{attribute} of {name}" if attribute else name
