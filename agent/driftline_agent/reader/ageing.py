"""What shadow(5) and gshadow(5) say besides secrets: how old a password may get, who may change a group."""

from driftline_agent.reader.shadow import parse_status

#: What $id$ stands for, crypt(5).
_METHODS = {
    "1": "md5",
    "2": "blowfish",
    "2a": "blowfish",
    "2b": "blowfish",
    "2x": "blowfish",
    "2y": "blowfish",
    "3": "nt",
    "5": "sha256",
    "6": "sha512",
    "7": "scrypt",
    "gy": "gost-yescrypt",
    "md5": "sunmd5",
    "sha1": "sha1",
    "y": "yescrypt",
}
#: Fields of a line after the password: last change, least and most days, warning, inactive, end.
_NUMBERS = 6


def parse_method(field: str) -> str:
    """Return how a password field is hashed; empty where it holds no hash, or one of no known kind."""
    bare = field.lstrip("!*")
    if bare.startswith("$"):
        return _METHODS.get(bare[1:].split("$", 1)[0].split(",", 1)[0], "")
    if bare.startswith("_") and len(bare) == 20:
        return "bsdi"
    return "des" if len(bare) == 13 and bare.replace(".", "a").replace("/", "a").isalnum() else ""


def users(content: bytes) -> bytes:
    """Return ``user:method:changed:min:max:warn:inactive:end`` a line, for a shadow(5) file."""
    out: dict[str, str] = {}
    for line in content.decode("utf-8", "replace").splitlines():
        fields = line.split(":")
        if len(fields) < 2 or not fields[0]:
            continue
        numbers = [field if field.isascii() and field.isdigit() else "" for field in fields[2 : 2 + _NUMBERS]]
        numbers += [""] * (_NUMBERS - len(numbers))
        out.setdefault(fields[0], ":".join([fields[0], parse_method(fields[1]), *numbers]))
    return "".join(f"{line}\n" for line in out.values()).encode()


def groups(content: bytes) -> bytes:
    """Return ``group:status:administrators`` a line for a gshadow(5) file."""
    out: dict[str, str] = {}
    for line in content.decode("utf-8", "replace").splitlines():
        fields = line.split(":")
        if len(fields) >= 4 and fields[0]:
            out.setdefault(fields[0], f"{fields[0]}:{parse_status(fields[1])}:{fields[2]}")
    return "".join(f"{line}\n" for line in out.values()).encode()
