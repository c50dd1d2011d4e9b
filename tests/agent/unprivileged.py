"""Runs programs as a user without rights, and the reader the way systemd does: for tests with real processes."""

import os
import pwd
import select
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOBODY = pwd.getpwnam("nobody")
#: What systemd leaves the reader: these capabilities, no way to others, and no network.
CONFINED = ["unshare", "-n", "setpriv", "--no-new-privs", "--bounding-set", "-all,+dac_read_search,+sys_ptrace"]
#: The same for the process that may see the packet filter's rules.
CONFINED_FIREWALL = ["setpriv", "--no-new-privs", "--bounding-set", "-all,+net_admin"]
AS_NOBODY = ["setpriv", f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups"]


def reachable() -> list[str]:
    """Return what to put before a command so that every user can reach this interpreter and these sources.

    A Python below /root is no exception among developers: then the command sees a /root that all may enter.
    """
    needed = [Path(sys.base_prefix), Path(sys.prefix), ROOT]
    closed = {
        str(next(above for above in reversed(folder.parents) if not above.stat().st_mode & 0o001))
        for folder in needed
        if any(not above.stat().st_mode & 0o001 for above in folder.parents)
    }
    if not closed:
        return []
    steps = ["set -e", "t=$(mktemp -d)", "mount -t tmpfs none $t"]
    inside = [folder for folder in needed if any(folder.is_relative_to(top) for top in closed)]
    for number, folder in enumerate(inside):
        steps += [f"mkdir $t/{number}", f"mount --bind {shlex.quote(str(folder))} $t/{number}"]
    steps += [f"mount -t tmpfs -o mode=755 none {shlex.quote(top)}" for top in sorted(closed)]
    for number, folder in enumerate(inside):
        steps += [f"mkdir -p {shlex.quote(str(folder))}", f"mount --bind $t/{number} {shlex.quote(str(folder))}"]
    return ["unshare", "-m", "sh", "-c", "; ".join([*steps, 'umount -R "$t"; rmdir "$t"; exec "$@"']), "sh"]


class Activator:
    """Stands in for systemd's socket unit: listens, and starts a reader whenever someone connects and none runs.

    :param path: of the socket; only nobody may connect.
    :param arguments: of the reader.
    :param module: of another process that is started the same way.
    """

    def __init__(
        self,
        path: Path,
        arguments: Sequence[str],
        confined: Sequence[str] = CONFINED,
        module: str = "driftline_agent.reader",
    ) -> None:
        self.path = path
        self.started: list[subprocess.Popen[bytes]] = []
        self._command = [*confined, "sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh", sys.executable, "-I"]
        self._command += ["-m", module, "--user", "nobody", *arguments]
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
        path.chmod(0o600)
        self._listener.listen(8)
        self._end, self._ended = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            ready, _, _ = select.select([self._listener, self._end], [], [])
            if self._end in ready:
                return
            number = self._listener.fileno()
            command = ["bash", "-c", f'exec 3<&{number}; exec "$@"', "bash", *self._command]
            process = subprocess.Popen(command, pass_fds=[number], env={"PATH": os.environ["PATH"]})
            self.started.append(process)
            if process.wait():
                return  # it would be started again for ever

    def stop(self) -> None:
        """End the reader and the listening."""
        os.write(self._ended, b"x")
        for process in self.started:
            process.kill()
        self._thread.join(10)
        self._listener.close()
        os.close(self._end)
        os.close(self._ended)
