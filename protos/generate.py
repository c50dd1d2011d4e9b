"""Generates the Python code and type stubs beside the .proto files, and docs/facts.md.

Run by ``make protos``; ``make check`` runs it too and fails where the result differs from what is committed.
"""

import sys
from pathlib import Path

from grpc_tools import protoc


def main() -> int:
    """Generate and return protoc's exit code."""
    root = Path(__file__).parent
    well_known = Path(protoc.__file__).parent / "_proto"
    sources = sorted(str(path) for path in root.glob("driftline/v1/*.proto"))
    flags = [f"-I{root}", f"-I{well_known}", f"--python_out={root}", f"--mypy_out={root}"]
    services = [f"--grpc_python_out={root}", f"--mypy_grpc_out={root}"]
    for source in sources:
        with_services = services if Path(source).name == "collector.proto" else []
        if code := int(protoc.main(["protoc", *flags, *with_services, source])):
            return code
    # After the code is there: the reference is written by reflection over it.
    from reference import reference

    (root.parent / "docs" / "facts.md").write_text(reference(root))
    return 0


if __name__ == "__main__":
    sys.exit(main())
