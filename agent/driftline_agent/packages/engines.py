"""What container engines tell of containers and images.

Source: Docker's Engine API (/containers/json, /images/json), which Podman answers too; containerd's gRPC API
(containerd.services.{namespaces,containers,images}.v1), of which only the few fields below are decoded.
"""

from collections.abc import Iterator
from typing import Any

from driftline import late
from driftline.v1.facts_pb2 import Container, Image
from driftline_agent.errors import UnreadableError
from driftline_agent.packages.times import seconds_of

#: Labels that say what a container belongs to.
_PROJECTS = ("com.docker.compose.project", "io.podman.compose.project", "io.kubernetes.pod.namespace")
_MAX = 5_000
_UNTAGGED = "<none>"
#: What follows the repository in an image's name; an image that has only a digest for a name has no repository.
_REFERENCE = late.pattern(r"@.*|:[^/:]*$|^sha256:.*")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    return [one for one in _list(value) if isinstance(one, str) and one]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int | None:
    if isinstance(value, str):
        return seconds_of(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 62 else None


def _port(value: Any) -> str | None:
    if not isinstance(value, dict) or not value.get("PublicPort"):
        return None
    address = _text(value.get("IP"))
    shown = f"[{address}]" if ":" in address else address or "0.0.0.0"  # noqa: S104  # that is what no address means
    return f"{shown}:{value['PublicPort']}->{value.get('PrivatePort')}/{value.get('Type')}"


def project_of(labels: Any) -> str:
    """Return what a container belongs to, by its labels."""
    found = labels if isinstance(labels, dict) else {}
    return next((_text(found[name]) for name in _PROJECTS if found.get(name)), "")


def parse_containers(answer: Any, engine: str) -> Iterator[Container]:
    """Yield the containers of an answer to /containers/json?all=1."""
    for one in _list(answer)[:_MAX]:
        if not isinstance(one, dict) or not _text(one.get("Id")):
            continue
        # Links give further names, with a slash inside.
        names = sorted(name.lstrip("/") for name in _texts(one.get("Names")) if "/" not in name.lstrip("/"))
        settings = one.get("NetworkSettings")
        networks = settings.get("Networks") if isinstance(settings, dict) else None
        yield Container(
            engine=engine,
            name=names[0] if names else one["Id"][:12],
            id=one["Id"],
            image=_text(one.get("Image")),
            image_id=_text(one.get("ImageID")),
            state=_text(one.get("State")).lower(),
            created_at=_number(one.get("Created")),
            ports=sorted({port for port in map(_port, _list(one.get("Ports"))) if port}),
            networks=sorted(str(name) for name in networks) if isinstance(networks, dict) else (),
            project=project_of(one.get("Labels")),
        )


def parse_images(answer: Any, engine: str) -> Iterator[Image]:
    """Yield the images of an answer to /images/json."""
    for one in _list(answer)[:_MAX]:
        if not isinstance(one, dict) or not _text(one.get("Id")):
            continue
        identity = one["Id"] if ":" in one["Id"] else f"sha256:{one['Id']}"
        yield Image(
            engine=engine,
            id=identity,
            tags=sorted({tag for tag in _texts(one.get("RepoTags")) if _UNTAGGED not in tag}),
            digests=sorted({tag for tag in _texts(one.get("RepoDigests")) if _UNTAGGED not in tag}),
            size=_number(one.get("Size")),
            created_at=_number(one.get("Created")),
        )


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of the fields of a message in protobuf's wire format.

    :raises ValueError: where it is none.
    """
    place = 0

    def varint() -> int:
        nonlocal place
        value = shift = 0
        while True:
            if place >= len(data) or shift > 63:
                raise ValueError("message is truncated")
            byte = data[place]
            place += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while place < len(data):
        number, kind = divmod(varint(), 8)
        if kind == 0:
            yield number, varint()
            continue
        length = {1: 8, 5: 4}.get(kind)
        if length is None:
            if kind != 2:
                raise ValueError("message is damaged")
            length = varint()
        if length > len(data) - place:
            raise ValueError("message is truncated")
        yield number, data[place : place + length]
        place += length


def _bytes(value: int | bytes) -> bytes:
    return value if isinstance(value, bytes) else b""


def _fields_of(data: bytes) -> dict[int, int | bytes]:
    return dict(fields(data))


def _string(found: dict[int, int | bytes], number: int) -> str:
    return _bytes(found.get(number, b"")).decode("utf-8", "replace")


def _int(value: int | bytes | None) -> int | None:
    return value if isinstance(value, int) and value < 1 << 62 else None


def _labels(data: bytes, number: int) -> dict[str, str]:
    entries = (_fields_of(_bytes(value)) for at, value in fields(data) if at == number)
    return {_string(entry, 1): _string(entry, 2) for entry in entries}


def parse_namespaces(data: bytes) -> list[str]:
    """Return the names in a ListNamespacesResponse."""
    return [name for at, value in fields(data) if at == 1 and (name := _string(_fields_of(_bytes(value)), 1))]


def parse_containerd_containers(data: bytes, engine: str) -> Iterator[Container]:
    """Yield the containers of a ListContainersResponse. Whether a task of one runs is not asked."""
    for at, value in fields(data):
        found = _fields_of(_bytes(value)) if at == 1 else {}
        if _string(found, 1):
            created = _fields_of(_bytes(found.get(8, b"")))
            yield Container(
                engine=engine,
                name=_string(found, 1),
                id=_string(found, 1),
                image=_string(found, 3),
                created_at=_int(created.get(1)),
                project=project_of(_labels(_bytes(value), 2)),
            )


def parse_containerd_images(data: bytes, engine: str) -> Iterator[Image]:
    """Yield the images of a ListImagesResponse. The size is the manifest's, and left out."""
    for at, value in fields(data):
        found = _fields_of(_bytes(value)) if at == 1 else {}
        name = _string(found, 1)
        if name:
            target, created = _fields_of(_bytes(found.get(3, b""))), _fields_of(_bytes(found.get(7, b"")))
            digest = _string(target, 2)
            repository = _REFERENCE.sub("", name)
            yield Image(
                engine=engine,
                id=name,
                tags=[] if "@" in name or name.startswith("sha256:") else [name],
                digests=[f"{repository}@{digest}"] if digest and repository else [],
                created_at=_int(created.get(1)),
            )


def ask_containerd(path: str, seconds: float = 3.0) -> tuple[list[Container], list[Image]]:
    """Return what containerd has in all its name spaces.

    :param path: its socket on this machine.
    :raises UnreadableError: where it does not answer.
    """
    import grpc

    def call(method: str, namespace: str = "") -> bytes:
        ask = channel.unary_unary(f"/containerd.services.{method}/List", bytes, bytes)
        metadata = (("containerd-namespace", namespace),) if namespace else ()
        answer: bytes = ask(b"", timeout=seconds, metadata=metadata)
        return answer

    containers: list[Container] = []
    images: list[Image] = []
    with grpc.insecure_channel(f"unix://{path}") as channel:
        try:
            for namespace in parse_namespaces(call("namespaces.v1.Namespaces")):
                engine = f"containerd:{namespace}"
                containers += parse_containerd_containers(call("containers.v1.Containers", namespace), engine)
                images += parse_containerd_images(call("images.v1.Images", namespace), engine)
        except grpc.RpcError as error:
            code = error.code().name.lower() if isinstance(error, grpc.Call) else "failed"
            raise UnreadableError(f"{path}: {code}") from error
        except ValueError as error:
            raise UnreadableError(f"{path}: {error}") from error
    return containers[:_MAX], images[:_MAX]
