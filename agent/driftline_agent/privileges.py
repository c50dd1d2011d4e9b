"""Started as root, the agent splits.

There is a reader that keeps root's eyes and has no network, a process that may see the packet filter's rules, and the
agent itself without any right.

Source: capabilities(7), prctl(2), unshare(2), credentials(7), design section 4. Where systemd starts both, its units do
this and nothing here is needed.
"""

import ctypes
import os
import pwd
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from driftline_agent import claims, files
from driftline_agent.config import Config, reader_key
from driftline_agent.errors import ConfigError
from driftline_agent.firewall import ask
from driftline_agent.firewall.client import Firewall
from driftline_agent.reader.allowed import TOPICS
from driftline_agent.reader.client import Reader

_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 24, 38, 47, 4
_CLONE_NEWNET = 0x40000000
#: linux/capability.h; the kernel says EINVAL above the last that it knows.
_CAP_DAC_READ_SEARCH, _CAP_NET_ADMIN, _CAP_NET_RAW, _CAP_SYS_PTRACE, _CAPABILITIES = 2, 12, 13, 19, 64
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Kept, because a Popen that is forgotten complains that its process still runs.
_started: list["subprocess.Popen[bytes]"] = []


def account(name: str) -> pwd.struct_passwd:
    """Return the user to become.

    :raises ConfigError: where there is no such user, or it is root.
    """
    try:
        found = pwd.getpwnam(name)
    except KeyError as error:
        raise ConfigError(f'user: "{name}" does not exist; make it with useradd --system') from error
    if found.pw_uid == 0 or found.pw_gid == 0:
        raise ConfigError(f'user: "{name}" is root, or in its group; name one without rights')
    return found


class Helpers(NamedTuple):
    """What asks the processes that may more than the agent."""

    reader: Reader
    firewall: Firewall


def split(config: Config, name: str) -> Helpers:
    """Start the reader and its like, hand the state folder over and become a user for good. Return what asks them.

    To be called before there are threads, and before anything touches the network.

    :raises ConfigError: where that is not possible; the message names the mend.
    """
    user = account(name)
    libc = ctypes.CDLL(None, use_errno=True)
    helpers = Helpers(_start_reader(config, libc), _start_firewall(libc))
    try:
        give(files.private_folder(config.state), user.pw_uid, user.pw_gid)
        _drop(libc, user)
    except OSError as error:
        raise ConfigError(f'user: cannot become "{user.pw_name}": {error}') from error
    for path in (sys.executable, __file__):
        if not os.access(path, os.R_OK):
            raise ConfigError(
                f'user: "{user.pw_name}" may not read {path}; install driftline where all may read, as in /opt'
            )
    return helpers


def _start_reader(config: Config, libc: ctypes.CDLL) -> Reader:
    key = reader_key(config.state)
    found = files.private_folder(key.parent).lstat()
    if found.st_uid != 0 or not stat.S_ISDIR(found.st_mode):
        raise ConfigError(
            f"user: {key.parent}: is no folder of root's; remove it, or set state below a folder of root's"
        )
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-I", "-m", "driftline_agent.reader", "--pair", str(theirs.fileno()), "--key", str(key)]
    wanted = TOPICS if config.topics is None else [name for name in TOPICS if name in (*config.topics, *claims.TOPICS)]
    for name in wanted:
        command += ["--topic", name]
    for folder in config.files_roots:
        command += ["--files-root", folder]
    for pattern in config.files_text_closed if config.files_text_bytes else ():
        command += ["--text", pattern]

    def confine() -> None:
        # Its own network namespace has nothing but a loopback that is down.
        if libc.unshare(_CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "unshare")
        _limit(libc, keep=(_CAP_DAC_READ_SEARCH, _CAP_SYS_PTRACE))

    _start(command, [theirs], confine)
    return Reader(connected=ours, roots=config.files_roots)


def _start_firewall(libc: ctypes.CDLL) -> Firewall:
    ours, theirs = zip(socket.socketpair(), socket.socketpair(), strict=True)
    numbers = ",".join(str(end.fileno()) for end in theirs)
    command = [sys.executable, "-I", "-m", "driftline_agent.firewall", "--pair", numbers]
    # iptables asks the kernel's older packet filter by a raw socket.
    keep = (_CAP_NET_ADMIN, _CAP_NET_RAW) if ask.has_legacy() else (_CAP_NET_ADMIN,)
    _start(command, theirs, lambda: _limit(libc, keep=keep))
    return Firewall(connected=(ours[0], ours[1]))


def _start(command: Sequence[str], theirs: Sequence[socket.socket], confine: Callable[[], None]) -> None:
    """Start one of the processes; what it is connected by is closed here."""
    try:
        # No environment: the agent's may hold the join token.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            pass_fds=[end.fileno() for end in theirs],
            preexec_fn=confine,  # there are no threads yet
            env={},
            cwd="/",
            start_new_session=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ConfigError(
            f"user: {command[3]} cannot be started without network and rights: {error};"
            " leave the setting out to run as root altogether"
        ) from error
    finally:
        for end in theirs:
            end.close()
    _started.append(process)


def _limit(libc: ctypes.CDLL, keep: tuple[int, ...] = ()) -> None:
    """Make sure that no program started from here on has more capabilities than these."""
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    for capability in range(_CAPABILITIES):
        if capability not in keep:
            libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)


def _drop(libc: ctypes.CDLL, user: pwd.struct_passwd) -> None:
    _limit(libc)
    os.setgroups([])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    os.environ.update(HOME=user.pw_dir, USER=user.pw_name, LOGNAME=user.pw_name)
    try:
        os.setuid(0)
    except PermissionError:
        return
    raise PermissionError("root's rights came back after they were given up")


def give(folder: Path, uid: int, gid: int) -> None:
    """Give a folder that root made to a user, once, with all that is in it.

    What belongs to the user already is left alone, with all below: whoever may write there could have put a link to
    anything into it.

    :raises PermissionError: where it belongs to someone else.
    """
    found = folder.lstat()
    if found.st_uid == uid and stat.S_ISDIR(found.st_mode):
        return
    if found.st_uid != 0 or not stat.S_ISDIR(found.st_mode):
        raise PermissionError(f"{folder}: belongs to user {found.st_uid}; give it to user {uid} or to root")
    _give_below(os.open(folder, _FOLDER), uid, gid)
    os.chown(folder, uid, gid, follow_symlinks=False)


def _give_below(descriptor: int, uid: int, gid: int) -> None:
    try:
        for name in os.listdir(descriptor):  # a descriptor, not a path
            found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if found.st_uid != 0:
                continue
            if stat.S_ISDIR(found.st_mode):
                _give_below(os.open(name, _FOLDER, dir_fd=descriptor), uid, gid)
            os.chown(name, uid, gid, dir_fd=descriptor, follow_symlinks=False)
    finally:
        os.close(descriptor)
