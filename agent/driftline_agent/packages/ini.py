"""Sections, names and values of files like yum.conf(5) and flatpak's configuration: no values are interpolated."""

from collections.abc import Iterator


def parse(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each section with its values; lines that begin with a blank go on."""
    section: str | None = None
    values: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        bare = line.strip()
        if not bare or bare[0] in "#;":
            continue
        if line[0] in " \t" and name:
            values[name] += " " + bare
        elif bare[0] == "[" and "]" in bare:
            if section is not None:
                yield section, values
            section, values, name = bare[1 : bare.rindex("]")], {}, ""
        elif section is not None and "=" in bare:
            name, _, value = (part.strip() for part in bare.partition("="))
            values[name] = value
    if section is not None:
        yield section, values
