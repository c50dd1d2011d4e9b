"""Logging in, for API and pages alike: rate limited, and the same answer for a wrong name and a wrong password."""

from fastapi import Request

from driftline_cmdb.tables.people import Person
from driftline_server.access import people
from driftline_server.access.guard import database_of
from driftline_server.access.limits import Attempts
from driftline_server.errors import NotAuthenticated
from driftline_server.times import now_ms


def log_in(request: Request, name: str, password: str) -> Person:
    """Return who has this name and password.

    :raises NotAuthenticated: nobody.
    :raises TooManyAttempts: too many failures from here lately; the password is not even looked at.
    """
    attempts: Attempts = request.app.state.attempts
    address = request.client.host if request.client else ""
    attempts.begin(address, name, now_ms())
    with database_of(request).read() as session:
        person = people.authenticate(session, name, password)
    if person is None:
        raise NotAuthenticated("name or password is wrong")
    attempts.succeeded(address, name)
    return person
