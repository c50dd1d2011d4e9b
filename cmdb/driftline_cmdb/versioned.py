"""Documents of which the newest version is in force, and which begin with one that is shipped, as number 0."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from sqlmodel import Session, col, select

from driftline_cmdb import audit
from driftline_cmdb.errors import Conflict, NotFound
from driftline_cmdb.tables._columns import DocumentVersion

V = TypeVar("V", bound=DocumentVersion)


class Versioned(Generic[V]):
    """The versions of one document."""

    def __init__(self, model: type[V], name: str, action: str, shipped: Callable[[], str]) -> None:
        """Say which document it is.

        :param name: how people call it: ``routing``, ``service rules``.
        :param action: of a change, for the audit trail: ``routing.changed``.
        :param shipped: returns what is in force where nobody has written one.
        """
        self._model, self._name, self._action, self._shipped_text = model, name, action, shipped

    def in_force(self, session: Session) -> V:
        """Return the newest version."""
        newest = session.exec(select(self._model).order_by(col(self._model.number).desc()).limit(1)).first()
        return newest or self._shipped()

    def version(self, session: Session, number: int | None = None) -> V:
        """Return a version, the one in force by default.

        :raises NotFound: where there is none.
        """
        newest = self.in_force(session)
        if number is None or number == newest.number:
            return newest
        if number == 0:
            return self._shipped()
        found = session.exec(select(self._model).where(self._model.number == number)).first()
        if found is None:
            raise NotFound(f"{self._name}: there is no version {number}; the newest is {newest.number}")
        return found

    def history(self, session: Session) -> list[V]:
        """Return all versions, the newest first."""
        return [*session.exec(select(self._model).order_by(col(self._model.number).desc())), self._shipped()]

    def check_after(self, session: Session, after: int | None) -> V:
        """Return the newest version, where it is the one that an author started from or where that is not said.

        :raises Conflict: where another version came meanwhile.
        """
        newest = self.in_force(session)
        if after is not None and after != newest.number:
            raise Conflict(
                f"{self._name} v{newest.number} came since you read v{after}: look at it and write yours anew"
            )
        return newest

    def put(
        self, session: Session, document: str, author: str, comment: str, now_ms: int, detail: Mapping[str, Any] = {}
    ) -> V:
        """Put a new version in force.

        :param detail: what the audit trail is told beside the comment.
        """
        number = self.in_force(session).number + 1
        made = self._model(number=number, document=document, author=author, comment=comment, created_ms=now_ms)
        session.add(made)
        session.flush()
        audit.record(session, author, self._action, f"{self._name} v{number}", {"why": comment, **detail}, now_ms)
        return made

    def _shipped(self) -> V:
        return self._model(number=0, document=self._shipped_text(), author="driftline", comment="", created_ms=0)
