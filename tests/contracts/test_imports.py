"""Who may import whom (design section 2), held by import-linter's contracts in pyproject.toml."""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_room_stands_in_a_contract() -> None:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    rooms = {path.parent.name for path in ROOT.glob("*/driftline*/__init__.py")}
    assert set(linter["root_packages"]) == rooms


def test_the_bare_agent_needs_no_package_of_the_server() -> None:
    """A bare install has no FastAPI, SQLModel, YAML or numpy; the agent must start without them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [text.split(">")[0].split("[")[0] for text in project["optional-dependencies"]["server"]]
    modules = {
        "pyyaml": "yaml",
        "argon2-cffi": "argon2",
        "python-multipart": "multipart",
        "grpcio-health-checking": "grpc_health",
        "prometheus-client": "prometheus_client",
    }
    forbidden = [modules.get(name, name) for name in names]
    code = f"""
import sys
for name in {forbidden!r}:
    sys.modules[name] = None
import driftline_agent.main, driftline_agent.commands, driftline_agent.agent, driftline_agent.inventory
from driftline_agent import topic
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_command_line_says_what_an_agents_installation_lacks() -> None:
    code = """
import sys
sys.modules["typer"] = None
from driftline_server.cli.entry import main
sys.exit(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install 'driftline[server]'" in done.stderr
