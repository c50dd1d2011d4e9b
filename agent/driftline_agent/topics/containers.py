"""Containers and images. Source: the engines' APIs on their local sockets, see driftline_agent/packages/engines.py.

Off unless agent.toml has `containers = true`: who may write to such a socket can become root. Only lists are asked for.
"""

from driftline.v1.facts_pb2 import Container, Image
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_CONTAINERS, _IMAGES = "/containers/json?all=1", "/images/json"


def engine_of(path: str) -> str:
    """Return the engine that a socket's path names; docker, whose API most others speak, where it names none."""
    return next((name for name in ("containerd", "podman") if name in path), "docker")


def _ask(host: Host, path: str) -> tuple[list[Container], list[Image]]:
    from driftline_agent.packages import engines, unixhttp  # an HTTP client, which most agents never need

    engine = engine_of(path)
    if engine == "containerd":
        return engines.ask_containerd(host.real(path)) if host.live else ([], [])
    containers = unixhttp.get(host, path, _CONTAINERS)
    images = unixhttp.get(host, path, _IMAGES)
    return list(engines.parse_containers(containers, engine)), list(engines.parse_images(images, engine))


def collect(host: Host) -> Reading:
    """Ask every engine whose socket is there."""
    reading = Reading()
    containers: dict[tuple[str, str], Container] = {}
    images: dict[tuple[str, str], Image] = {}
    for path in host.choices.container_sockets:
        engine = engine_of(path)
        try:
            if not host.exists(path):
                continue
            running, there = _ask(host, path)
        except UnreadableError as error:
            for name in ("containers", "images"):
                reading.unreadable[f"software.{name}[{engine}*]"] = str(error)
            continue
        containers.update(((one.engine, one.name), one) for one in running)
        images.update(((one.engine, one.id), one) for one in there)
    reading.facts.software.containers.extend(containers[key] for key in sorted(containers))
    reading.facts.software.images.extend(images[key] for key in sorted(images))
    return reading


TOPIC = Topic(
    revision=1,
    fills=("software.containers", "software.images"),
    collect=collect,
    applies=lambda host: any(host.exists(path) for path in host.choices.container_sockets),
)
