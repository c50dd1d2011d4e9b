"""Runs the few programs whose answer no file gives: fixed arguments, no input, bounded in time and output."""

import contextlib
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from typing import IO

from driftline_agent.errors import UnreadableError

#: Where programs are looked for; never in what the environment says.
FOLDERS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
MAX_OUTPUT = 16 << 20
_ENVIRONMENT = {"LC_ALL": "C", "PATH": ":".join(FOLDERS)}


def _start(
    path: str, arguments: tuple[str, ...], shown: str, out: int | IO[bytes], errors: int | IO[bytes]
) -> "subprocess.Popen[bytes]":
    """Start a program in a session of its own, without input and without our environment.

    :param shown: how it is named where it cannot be started.
    """
    try:
        return subprocess.Popen(
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


def run(path: str, *arguments: str, timeout: float) -> str:
    """Return what a program prints.

    :param timeout: seconds.
    :raises UnreadableError: where it cannot be started, fails, takes too long or prints too much.
    """
    shown = " ".join([path.rpartition("/")[2], *arguments])
    # Files, not pipes: a child that lives on with the output in hand cannot make this wait for it.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        child = _start(path, arguments, shown, out, errors)
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


def stream(path: str, *arguments: str, timeout: float) -> Iterator[bytes]:
    """Yield what a program prints, as it comes; it and its children are killed where nobody reads on.

    :param timeout: seconds.
    :raises UnreadableError: where it cannot be started, fails or takes too long.
    """
    shown = " ".join([path.rpartition("/")[2], *arguments])
    end = time.monotonic() + timeout
    child = _start(path, arguments, shown, subprocess.PIPE, subprocess.DEVNULL)
    try:
        assert child.stdout is not None  # noqa: S101  # for mypy: it is a pipe
        poll = select.poll()
        poll.register(child.stdout, select.POLLIN)
        while poll.poll(max(0.0, end - time.monotonic()) * 1000):
            piece = os.read(child.stdout.fileno(), 1 << 16)
            if not piece:
                break
            yield piece
        try:
            code = child.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired as error:
            raise UnreadableError(f"{shown}: no end within {timeout:g} s") from error
        if code:
            raise UnreadableError(f"{shown}: exit code {code}")
    finally:
        with contextlib.suppress(OSError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        if child.stdout is not None:
            child.stdout.close()


def run_bounded(path: str, *arguments: str, timeout: float, most: int) -> str:
    """Return what a program of the host's administrator prints; it and its children are killed where it goes too far.

    Its output is taken as it comes, so that a program that prints for ever fills no disk. Killed is its whole session,
    also where it ended well and left a child behind.

    :param timeout: seconds.
    :param most: bytes.
    :raises UnreadableError: where it cannot be started, fails, takes too long or prints too much.
    """
    end = time.monotonic() + timeout
    child = _start(path, arguments, path, subprocess.PIPE, subprocess.DEVNULL)
    data = b""
    why = ""
    try:
        assert child.stdout is not None  # noqa: S101  # for mypy: it is a pipe
        poll = select.poll()
        poll.register(child.stdout, select.POLLIN)
        while not why:
            left = end - time.monotonic()
            if left <= 0:
                why = f"no end within {timeout:g} s"
            elif poll.poll(min(left, 0.2) * 1000):
                more = os.read(child.stdout.fileno(), 65536)
                data += more
                if len(data) > most:
                    why = f"more than {most} bytes"
                elif not more:
                    break
            elif child.poll() is not None:
                break  # it has ended; a child that it left behind has the pipe still
        if not why:
            try:
                child.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                why = f"no end within {timeout:g} s"
    finally:
        with contextlib.suppress(OSError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        if child.stdout is not None:
            child.stdout.close()
    if not why and child.returncode:
        why = f"exit code {child.returncode}"
    if why:
        raise UnreadableError(f"{path}: {why}")
    return data.decode("utf-8", "replace")
