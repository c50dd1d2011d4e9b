"""Does a change wait for a restart: an old kernel that still runs, old libraries that processes still map?"""

from collections.abc import Iterable

import zstandard
from sqlmodel import Session, col, select

from driftline.v1.facts_pb2 import Facts, Restart
from driftline_baseline.wording import package_of
from driftline_cmdb.record import sources_of
from driftline_cmdb.tables.elements import Section

#: The topic that reports it.
SECTION = "restart"
#: Packages of kernels: a new one counts once the host runs it.
_KERNELS = ("linux-image-", "kernel")


def restart_state(session: Session, ci_id: int) -> Restart | None:
    """Return what a CI last reported of restarts that it waits for; None where it reports none."""
    query = select(Section.state).where(
        col(Section.source_id).in_(sources_of(session, ci_id)),
        Section.name == SECTION,
        Section.state != b"",
        ~col(Section.muted),
    )
    packed = session.exec(query).first()
    return None if packed is None else Facts.FromString(zstandard.decompress(packed)).os.restart


def waits_for_restart(session: Session, ci_id: int, paths: Iterable[str]) -> str:
    """Say what must be restarted before changed packages are in effect; empty where nothing must.

    :param paths: paths of what changed.
    """
    packages = {package[1] for package in map(package_of, paths) if package is not None}
    if not packages:
        return ""
    found = restart_state(session, ci_id)
    if found is None:
        return ""
    asked = packages & set(found.requested_by)
    kernel = found.reboot_required and any(name.startswith(_KERNELS) for name in packages)
    if asked or kernel:
        return f"the host must be rebooted for {', '.join(sorted(asked)) or 'its new kernel'}"
    old = sorted(one.executable for one in found.outdated if packages & set(one.packages))
    if old:
        more = f" and {len(old) - 3} more" if len(old) > 3 else ""
        return f"still run what was before: {', '.join(old[:3])}{more}"
    return ""
