"""What an output is: one file in ``driftline_agent/outputs`` that makes facts of what a command printed somewhere.

For machines that no agent runs on, of which there is only such a text. A topic that runs a command parses what it
prints by the same function.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from driftline.v1.facts_pb2 import Facts


@dataclass(frozen=True, slots=True)
class Output:
    """How one command's output is read. A module has one of these, named ``OUTPUT``; its name is the command's."""

    #: The command and its options as they must have been given: ``pvs --noheading --nosuffix --units M ...``.
    command: str
    #: Makes facts of it. Raises :class:`~driftline_agent.errors.UnreadableError` where it is no such output.
    parse: Callable[[str], Facts]


@cache
def all_outputs() -> dict[str, Output]:
    """Return every output by name, sorted: whatever stands in the package ``driftline_agent.outputs``."""
    package = import_module("driftline_agent.outputs")
    names = sorted(module.name for module in iter_modules(package.__path__))
    return {name: import_module(f"driftline_agent.outputs.{name}").OUTPUT for name in names}
