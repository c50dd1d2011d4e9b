"""Roles and what each may do. The rule: admin may what operator may, but approving stays with approvers."""

from collections.abc import Collection

from driftline_cmdb.errors import Invalid
from driftline_cmdb.tables.people import ROLES

#: For each thing that a route may ask for, the roles that have it.
_HAVE: dict[str, frozenset[str]] = {
    "viewer": frozenset(ROLES),
    "operator": frozenset({"operator", "admin"}),
    "approver": frozenset({"approver"}),
    "admin": frozenset({"admin"}),
    "operator or approver": frozenset({"operator", "approver", "admin"}),
    "approver or admin": frozenset({"approver", "admin"}),
}


def may(roles: Collection[str], needed: str) -> bool:
    """Tell whether someone with these roles may do what needs a role."""
    return not _HAVE[needed].isdisjoint(roles)


def checked(roles: Collection[str]) -> list[str]:
    """Return roles in their order, each once.

    :raises Invalid: where one is unknown, or there is none.
    """
    for role in roles:
        if role not in ROLES:
            raise Invalid(f'roles: "{role}" is not a role; there are {", ".join(ROLES)}')
    if not roles:
        raise Invalid(f"roles: a person needs at least one of {', '.join(ROLES)}")
    return [role for role in ROLES if role in roles]
