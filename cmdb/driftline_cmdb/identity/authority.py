"""Which source speaks with authority for each section of a CI."""

from sqlmodel import Session


def settle(session: Session, ci_id: int, now_ms: int) -> None:
    """Settle it after a change of the CI's bindings."""
