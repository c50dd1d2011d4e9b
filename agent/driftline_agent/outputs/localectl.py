"""``localectl status``: language and keyboard."""

from driftline.v1.facts_pb2 import Facts
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output
from driftline_agent.topics.locale import parse_locale

_FIELDS = {
    "VC Keymap": "keymap",
    "X11 Layout": "layout",
    "X11 Model": "model",
    "X11 Variant": "variant",
    "X11 Options": "options",
}


def parse(text: str) -> Facts:
    """Return what localectl prints; further variables of the locale stand below the first."""
    out = Facts()
    settings: list[str] = []
    within = known = False
    for line in text.splitlines():
        label, colon, value = line.partition(": ")
        if colon and "=" not in label:
            within = label.strip() == "System Locale"
            known = known or within
            if label.strip() in _FIELDS and value.strip() not in ("n/a", "(unset)"):
                setattr(out.os.locale, _FIELDS[label.strip()], value.strip())
            line = value
        if within and "=" in line:
            settings.append(line.strip())
    if not known:
        raise UnreadableError('localectl: no line "System Locale:"')
    out.os.locale.settings.extend(parse_locale("\n".join(settings)))
    return out


OUTPUT = Output(command="localectl status", parse=parse)
