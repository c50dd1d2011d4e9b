"""Which of several sources counts for which part of a CI."""

from sqlmodel import Session


def settle(session: Session, ci_id: int, now_ms: int) -> None:
    """Work out anew which sections of a CI's sources count."""
