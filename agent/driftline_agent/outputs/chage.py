"""``chage -l USER``: how old a password may get. Source: chage(1) of shadow-utils, in English."""

from datetime import datetime

from driftline.v1.facts_pb2 import Facts
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output

_DAYS = {
    "minimum number of days between password change": "password_min_days",
    "maximum number of days between password change": "password_max_days",
    "number of days of warning before password expires": "password_warn_days",
}
#: Jan 02, 2024, or with --iso8601 2024-01-02.
_FORMS = ("%b %d, %Y", "%Y-%m-%d", "%m/%d/%Y")
#: The output does not say whose password it is.
_USER = "?"


def parse_date(text: str) -> str:
    """Return a date as 2024-01-02; empty where there is none: never, "password must be changed"."""
    for form in _FORMS:
        try:
            return datetime.strptime(text, form).date().isoformat()  # noqa: DTZ007  # a day, no time
        except ValueError:
            continue
    return ""


def parse(text: str) -> Facts:
    """Return one user, whose name is not known.

    :raises UnreadableError: where it is no such output.
    """
    said: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            said.setdefault(name.strip().lower(), value.strip())
    if "last password change" not in said:
        raise UnreadableError('chage -l: no line "Last password change"; run it with LC_ALL=C')
    out = Facts()
    user = out.accounts.users.add(name=_USER)
    if "must be changed" in said["last password change"]:
        user.password_must_change = True
    user.password_changed_on = parse_date(said["last password change"])
    user.expires_on = parse_date(said.get("account expires", ""))
    for name, field in _DAYS.items():
        value = said.get(name, "")
        if value.isascii() and value.isdigit() and len(value) < 10:
            setattr(user, field, int(value))
    return out


OUTPUT = Output(command="chage -l USER", parse=parse)
