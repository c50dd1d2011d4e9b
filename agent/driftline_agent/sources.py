"""What topics of software may look at, as the local configuration says it."""

from dataclasses import dataclass

#: Folders below which environments of Python are looked for; ``*`` in a last name stands for the rest of it.
PYTHON_ROOTS = ("/usr/lib/python3*", "/usr/lib64/python3*", "/usr/local/lib", "/usr/local/lib64", "/opt", "/srv")
#: Sockets of container engines where those put them.
CONTAINER_SOCKETS = ("/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock")


@dataclass(frozen=True, slots=True)
class Sources:
    """Settings of the topics `languages` and `containers`."""

    python_roots: tuple[str, ...] = PYTHON_ROOTS
    #: None unless the local configuration allows it: who may ask there can become root.
    container_sockets: tuple[str, ...] = ()
