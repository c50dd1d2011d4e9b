"""Regular expressions that are compiled at their first use.

A program that reads many formats has some hundred of them and uses few: compiling all takes longer than reading a host.
"""

import re
from typing import Any, cast, overload


class _Late:
    """Stands for a compiled regular expression."""

    def __init__(self, pattern: str | bytes, flags: int) -> None:
        self._made_of = (pattern, flags)

    def __getattr__(self, name: str) -> Any:
        if name[:1] == "_":  # what copies and inspects objects asks for
            raise AttributeError(name)
        pattern, flags = self._made_of
        found = getattr(re.compile(pattern, flags), name)
        setattr(self, name, found)  # not asked again
        return found


@overload
def pattern(text: str, flags: int = 0) -> re.Pattern[str]: ...
@overload
def pattern(text: bytes, flags: int = 0) -> re.Pattern[bytes]: ...
def pattern(text: str | bytes, flags: int = 0) -> re.Pattern[Any]:
    """Return what can be used like ``re.compile(text, flags)``: its methods and attributes, not the object itself."""
    return cast(re.Pattern[Any], _Late(text, flags))
