"""The class of a CI that is made because a source reports: devices say by their profile what they are."""

from sqlmodel import Session

from driftline_cmdb.catalog.versions import catalog_of
from driftline_cmdb.tables.sources import DEVICE, Source

#: Class of a device whose profile says none, or one that the catalog has not.
NETWORK_DEVICE = "network device"
#: What an agent runs on.
HOST = "server"


def class_of(session: Session, source: Source, claimed: str) -> str:
    """Return the class of a new CI that a source speaks for.

    :param claimed: of a device, by its profile; it counts where the catalog has such a class.
    """
    if source.kind != DEVICE:
        return HOST
    classes = catalog_of(session).classes
    return next((one for one in (claimed, NETWORK_DEVICE) if one in classes), HOST)
