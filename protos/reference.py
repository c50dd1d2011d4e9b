"""Writes docs/facts.md, the reference of all facts, from the comments and options of the schema."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc

from driftline import schema
from driftline.schema import Field, Plan
from driftline.v1 import options_pb2

_HEAD = """\
# Facts

Every fact that driftline knows of, its path, type, nature and unit. Written by `make protos` from
the files that `protos/driftline/v1/facts.proto` imports, one a section; change it there.

A path names one attribute: `software.packages[dpkg/openssl/amd64].version`. In brackets stand the keys of a list's
element, joined by `/`; inside a key `/`, `]` and `\\` are escaped with a backslash. *Nature* says why a value changes:
*configuration* and *identity* drift, *state* does not. A *secret* never leaves its host in clear: a keyed digest takes
its place.
"""

#: Field number of `message_type` in FileDescriptorProto, of `field` in DescriptorProto.
_MESSAGE, _FIELD = 4, 2


def comments(root: Path) -> dict[tuple[str, str], str]:
    """Return the comment of every message ("Unit", "") and field ("Unit", "name") of the schema."""
    with tempfile.NamedTemporaryFile() as out:
        well_known = Path(protoc.__file__).parent / "_proto"
        flags = [f"-I{root}", f"-I{well_known}", f"--descriptor_set_out={out.name}"]
        flags += ["--include_imports", "--include_source_info"]
        if protoc.main(["protoc", *flags, str(root / "driftline/v1/facts.proto")]) != 0:
            raise SystemExit("protoc failed on facts.proto")
        protos = FileDescriptorSet.FromString(Path(out.name).read_bytes()).file
    found = {}
    for file, location in ((one, location) for one in protos for location in one.source_code_info.location):
        path, text = list(location.path), " ".join(location.leading_comments.split())
        if len(path) == 2 and path[0] == _MESSAGE:
            found[file.message_type[path[1]].name, ""] = text
        elif len(path) == 4 and path[0] == _MESSAGE and path[2] == _FIELD:
            message = file.message_type[path[1]]
            found[message.name, message.field[path[3]].name] = text
    return found


def reference(root: Path) -> str:
    """Return the reference as Markdown."""
    notes = comments(root)
    lines = [_HEAD]
    for section in schema.FACTS.fields:
        assert section.message is not None  # noqa: S101  # sections are messages
        name = section.message.descriptor.name
        lines += [f"## {section.name}", "", notes[name, ""], ""]
        for plan, path in _messages(section.message, section.name):
            plain = [field for field in plan.fields if field.message is None]
            if plain:
                lines += _table(plan, path, plain, notes)
    return "\n".join(lines).rstrip() + "\n"


def _messages(plan: Plan, path: str) -> Iterator[tuple[Plan, str]]:
    yield plan, path
    for field in plan.fields:
        if field.message is not None:
            keys = "/".join(field.message.keys)
            yield from _messages(field.message, f"{path}.{field.name}" + (f"[{keys}]" if field.repeated else ""))


def _table(plan: Plan, path: str, plain: list[Field], notes: dict[tuple[str, str], str]) -> list[str]:
    name = plan.descriptor.name
    lines = [f"### `{path}`", "", notes[name, ""], "", "| attribute | type | nature | unit | meaning |"]
    lines.append("|---|---|---|---|---|")
    for field in plain:
        nature = "key" if field.key else options_pb2.Nature.Name(field.nature or schema.CONFIGURATION).lower()
        kind = field.type + (" list, in order" if field.ordered else " set" if field.repeated else "")
        note = notes.get((name, field.name), "").replace("|", "\\|")
        secret = "**secret** " if field.secret else ""
        lines.append(f"| `{field.name}` | {kind} | {secret}{nature} | {field.unit} | {note} |")
    return [*lines, ""]
