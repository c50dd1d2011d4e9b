"""Does a change wait for a restart: an old kernel that still runs, old libraries that processes still map?"""

from collections.abc import Sequence

from sqlmodel import Session


def waits_for_restart(session: Session, ci_id: int, paths: Sequence[str]) -> str:
    """Say what must be restarted before changed packages are in effect; empty where nothing must.

    :param paths: paths of the packages that changed.
    """
    return ""
