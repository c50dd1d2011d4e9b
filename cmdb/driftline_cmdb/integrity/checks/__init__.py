"""The checks, one module each, found by scanning; `driftline_cmdb.integrity.look.Check` says what a module has."""

import importlib
import pkgutil

from driftline_cmdb.integrity.look import Check


def all_checks() -> dict[str, Check]:
    """Return the checks by name, in the order in which they run."""
    found = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        module = importlib.import_module(f"{__name__}.{name}")
        found[name] = Check(name, module.MEANING, module.applies, module.examine)
    return found
