"""A driftline that is one version newer: its kernel facts have one field more, and the topic reads it."""

import shutil
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).parents[2]
_ROOMS = ("protos/driftline", "agent/driftline_agent", "baseline/driftline_baseline", "cmdb/driftline_cmdb",
          "collector/driftline_collector", "server/driftline_server")  # fmt: skip
_MORE = """

def _newer(host: Host) -> Reading:
    reading = collect(host)
    reading.facts.os.kernel.flavour = "generic"
    return reading


from dataclasses import replace

TOPIC = replace(TOPIC, collect=_newer, revision=TOPIC.revision + 1)
"""


def newer(folder: Path) -> dict[str, str]:
    """Write it into a folder; return what must be in the environment of what is to run it."""
    for room in _ROOMS:
        shutil.copytree(ROOT / room, folder / Path(room).name, ignore=shutil.ignore_patterns("__pycache__"))
    proto = folder / "driftline/v1/os.proto"
    text = proto.read_text()
    assert "message Kernel {\n" in text
    proto.write_text(text.replace("message Kernel {\n", "message Kernel {\n  string flavour = 99;\n"))
    well_known = Path(protoc.__file__).parent / "_proto"
    code = protoc.main(["protoc", f"-I{folder}", f"-I{well_known}", f"--python_out={folder}", str(proto)])
    assert code == 0
    with (folder / "driftline_agent/topics/kernel.py").open("a") as file:
        file.write(_MORE)
    return {"PYTHONPATH": str(folder)}
