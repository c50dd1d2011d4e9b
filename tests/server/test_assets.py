"""The web assets: a lock without addresses, built on request only, and all there."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SERVER = ROOT / "server"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The build script, loaded by its path as a build does."""
    spec = importlib.util.spec_from_file_location("build_assets", SERVER / "build_assets.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_lock_has_digests_and_no_addresses() -> None:
    text = (SERVER / "package-lock.json").read_text()
    assert "resolved" not in text and not re.search(r"https?:|//", text)
    packages = json.loads(text)["packages"]
    assert all(package["integrity"].startswith("sha512-") for name, package in packages.items() if name)
    wanted = json.loads((SERVER / "package.json").read_text())["dependencies"]
    assert packages[""]["dependencies"] == wanted
    assert all(re.fullmatch(r"[0-9.]+", version) for version in wanted.values())


def test_build(script: ModuleType) -> None:
    script.build()
    assert (script.VENDOR / script.STAMP).read_text() == script.wanted_stamp()
    for name in script.FILES.values():
        assert (script.VENDOR / name).stat().st_size > 500
    done = subprocess.run([sys.executable, SERVER / "build_assets.py"], capture_output=True, text=True, check=True)
    assert done.stdout == "assets: up to date\n"


def test_no_npm_is_said(script: ModuleType, tmp_path: Path) -> None:
    code = f"import sys; sys.path.insert(0, {str(SERVER)!r}); import build_assets as b; b.npm()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PATH": str(tmp_path)}, check=False
    )
    assert "no npm: install" in done.stderr


def test_nothing_third_party_is_committed() -> None:
    files = subprocess.run(["git", "ls-files", "server"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "vendor/" not in files and "node_modules" not in files


def test_what_the_templates_load_is_there(script: ModuleType) -> None:
    script.build()
    static = SERVER / "driftline_server" / "static"
    for template in (SERVER / "driftline_server").glob("**/templates/**/*.html"):
        for name in re.findall(r"asset\('([^']+)'\)", template.read_text()):
            assert (static / name).exists(), f"{template.name}: {name}"
