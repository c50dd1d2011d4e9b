"""A filesystem that never answers: FUSE, mounted by this process, which takes the kernel's questions and says nothing.

Source: fuse(4), include/uapi/linux/fuse.h; mount(2). It stands for a dead NFS server too: both let whoever looks wait
in the kernel until a signal that kills. Needs root and /dev/fuse.
"""

import ctypes
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_MNT_FORCE, _MNT_DETACH = 1, 2
_FUSE_INIT = 26
#: struct fuse_in_header up to nodeid; struct fuse_out_header; struct fuse_init_out.
_IN = struct.Struct("<IIQ")
_OUT = struct.Struct("<IiQ")
_INIT_OUT = struct.Struct("<IIIIHHIIHHI28x")


def missing() -> str:
    """Return what a hanging filesystem lacks here; empty where it has all."""
    if os.geteuid() != 0:
        return "only root may mount"
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        return f"/dev/fuse: {error.strerror}"
    return ""


def _mount(descriptor: int, folder: Path, kind: str) -> None:
    options = f"fd={descriptor},rootmode=40000,user_id=0,group_id=0,allow_other"
    if _LIBC.mount(b"hanging", os.fsencode(folder), kind.encode(), 0, options.encode()):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), str(folder))


def _answer_first(descriptor: int) -> None:
    """Answer the kernel's first question, so that it asks others, and take none of those.

    Whoever waits for one that was taken cannot even be killed (fs/fuse/dev.c, request_wait_answer).
    """
    with suppress(OSError):  # ENODEV: unmounted
        request = os.read(descriptor, 1 << 17)
        _, operation, unique = _IN.unpack_from(request)
        if operation == _FUSE_INIT:
            content = _INIT_OUT.pack(7, 31, 1 << 16, 0, 12, 9, 1 << 16, 1, 0, 0, 0)
            os.write(descriptor, _OUT.pack(_OUT.size + len(content), 0, unique) + content)


@contextmanager
def hanging(folder: Path, kind: str = "fuse.hanging") -> Iterator[None]:
    """Mount it at a folder; at the end, whoever waits in it gets an error."""
    descriptor = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    _mount(descriptor, folder, kind)
    thread = threading.Thread(target=_answer_first, args=(descriptor,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        _LIBC.umount2(os.fsencode(folder), _MNT_FORCE)
        _LIBC.umount2(os.fsencode(folder), _MNT_DETACH)
        thread.join(10)
        os.close(descriptor)
