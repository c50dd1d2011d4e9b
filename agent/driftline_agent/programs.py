"""Runs the few programs whose answer no file gives: fixed arguments, no input, bounded in time and output."""

import os
import signal
import subprocess
import tempfile

from driftline_agent.errors import UnreadableError

#: Where programs are looked for; never in what the environment says.
FOLDERS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
MAX_OUTPUT = 16 << 20
_ENVIRONMENT = {"LC_ALL": "C", "PATH": ":".join(FOLDERS)}


def run(path: str, *arguments: str, timeout: float) -> str:
    """Return what a program prints.

    :param timeout: seconds.
    :raises UnreadableError: where it cannot be started, fails, takes too long or prints too much.
    """
    shown = " ".join([path.rpartition("/")[2], *arguments])
    # Files, not pipes: a child that lives on with the output in hand cannot make this wait for it.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        try:
            child = subprocess.Popen(
                [path, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise UnreadableError(f"{shown}: {(error.strerror or str(error)).lower()}") from error
        try:
            code = child.wait(timeout)
        except subprocess.TimeoutExpired as error:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            raise UnreadableError(f"{shown}: no answer within {timeout:g} s") from error
        if code:
            errors.seek(0)
            said = errors.read(300).decode("utf-8", "replace").strip().partition("\n")[0]
            raise UnreadableError(f"{shown}: exit code {code}" + (f", {said}" if said else ""))
        size = out.seek(0, os.SEEK_END)
        if size > MAX_OUTPUT:
            raise UnreadableError(f"{shown}: more than {MAX_OUTPUT} bytes")
        out.seek(0)
        return out.read().decode("utf-8", "replace")
