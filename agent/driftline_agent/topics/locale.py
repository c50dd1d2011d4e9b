"""Language and keyboard. Source: locale.conf(5), vconsole.conf(5), keyboard(5), and the files before these."""

import re

from driftline import late
from driftline.v1.facts_pb2 import LocaleSetting
from driftline_agent.distribution import parse_os_release
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

#: Files with LANG and LC_*; the first that has any counts.
_LOCALES = (
    "/etc/locale.conf",
    "/etc/default/locale",
    "/etc/env.d/02locale",
    "/etc/sysconfig/i18n",
    "/etc/sysconfig/language",
)
_NAME = late.pattern(r"(?:RC_)?(LANG|LANGUAGE|LC_[A-Z]+)")
_XORG = late.pattern(r'^[ \t]*Option[ \t]+"(Xkb\w+)"[ \t]+"([^"\n]*)"', re.MULTILINE | re.IGNORECASE)
_XORG_FILE = "/etc/X11/xorg.conf.d/00-keyboard.conf"
#: File, its variable, our field; the first that has a value counts.
_KEYBOARD = (
    ("/etc/vconsole.conf", "KEYMAP", "keymap"),
    ("/etc/vconsole.conf", "FONT", "font"),
    ("/etc/vconsole.conf", "XKBLAYOUT", "layout"),
    ("/etc/vconsole.conf", "XKBVARIANT", "variant"),
    ("/etc/vconsole.conf", "XKBMODEL", "model"),
    ("/etc/vconsole.conf", "XKBOPTIONS", "options"),
    ("/etc/default/keyboard", "XKBLAYOUT", "layout"),
    ("/etc/default/keyboard", "XKBVARIANT", "variant"),
    ("/etc/default/keyboard", "XKBMODEL", "model"),
    ("/etc/default/keyboard", "XKBOPTIONS", "options"),
    ("/etc/default/keyboard", "KMAP", "keymap"),
    ("/etc/conf.d/keymaps", "keymap", "keymap"),
    ("/etc/sysconfig/keyboard", "KEYTABLE", "keymap"),
)


def parse_assignments(text: str) -> dict[str, str]:
    """Return the assignments of a file for the shell, ``export`` before them or not."""
    return parse_os_release("\n".join(line.strip().removeprefix("export ") for line in text.splitlines()))


def parse_locale(text: str) -> list[LocaleSetting]:
    """Return the variables of the default locale, sorted."""
    out: dict[str, str] = {}
    for name, value in parse_assignments(text).items():
        found = _NAME.fullmatch(name)
        if found and value:
            out.setdefault(found[1], value)
    return [LocaleSetting(name=name, value=out[name]) for name in sorted(out)]


def parse_xorg(text: str) -> dict[str, str]:
    """Return the keyboard of an X.org configuration, by our fields' names."""
    return {name.lower().removeprefix("xkb"): value for name, value in _XORG.findall(text)}


def collect(host: Host) -> Reading:
    """Read the files that are there."""
    reading = Reading()
    locale = reading.facts.os.locale
    for path in _LOCALES:
        settings = parse_locale(host.read(path) or "")
        if settings:
            locale.settings.extend(settings)
            break
    texts = {path: parse_assignments(host.read(path) or "") for path in sorted({path for path, _, _ in _KEYBOARD})}
    for path, name, field in _KEYBOARD:
        if not getattr(locale, field):
            setattr(locale, field, texts[path].get(name, ""))
    for field, value in parse_xorg(host.read(_XORG_FILE) or "").items():
        if field in ("layout", "variant", "model", "options") and not getattr(locale, field):
            setattr(locale, field, value)
    return reading


TOPIC = Topic(
    revision=1,
    fills=("os.locale",),
    collect=collect,
    of_files=True,
    watches=(*_LOCALES, *sorted({path for path, _, _ in _KEYBOARD}), _XORG_FILE),
)
