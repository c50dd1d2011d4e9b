"""All tables. Importing this package registers them with SQLModel's metadata; modules are found by scanning.

Times are milliseconds since 1970-01-01T00:00Z, columns named ``*_ms``; what a host observed is corrected by its skew.
"""

import importlib
import pkgutil

from sqlmodel import SQLModel

# Constraints have names, so that a later migration can drop them on both engines.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

metadata = SQLModel.metadata
