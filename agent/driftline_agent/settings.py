"""What of the agent's configuration says what it looks at, as topic ``agent`` reports it."""

from dataclasses import dataclass

from driftline_agent.reader.allowed import FILES_ROOTS

#: Bytes of the largest file whose text is reported, where the configuration says nothing.
TEXT_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Settings:
    """See docs/agent.md for what each means."""

    topics: tuple[str, ...] | None = None
    readable_roots: tuple[str, ...] | None = None
    files_roots: tuple[str, ...] = FILES_ROOTS
    files_exclude: tuple[str, ...] = ()
    files_text_bytes: int = TEXT_BYTES
    files_text_closed: tuple[str, ...] = ()
    watch: bool = True
    inventory_s: int = 3600
    #: What is off by default and on here.
    enabled: tuple[str, ...] = ()
