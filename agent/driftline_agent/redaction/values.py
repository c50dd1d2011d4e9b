"""Values that are no secrets, whatever their name says: switches, references, paths, placeholders."""

import re

from driftline_agent.redaction.entropy import looks_random

#: Never a secret.
_NOTHING = re.compile(
    r"""(?ix) ["'`]* (?: yes|no|true|false|on|off|none|null|nil|nul|undef|undefined|never|always|ask|prompt|required|requisite
    |sufficient|optional|\#|\#\s.*|;|\*|!|x|~|-|--|\.\.\.|\[\]|\{\}|\(\)|0|1|enabled|disabled|bool(?:ean)?|str(?:ing)?|int(?:eger)? )
    ["'`]* [;,]? """
)
#: Something that stands for a value that is elsewhere.
_REFERENCE = re.compile(
    r"""(?x) ["'`]* (?: \$\{?[A-Za-z_]\w*\}? | \$[0-9@*\#?] | \$\{\{[^{}]{1,80}\}\} | \{\{[^{}]{1,80}\}\} | %\(?[A-Za-z_]\w*\)?s?%?
    | \$\((?:cat|<)\s*["']?/[\w./-]+["']?\) | \$__file\{/[\w./-]+\} | <%=?\s*[\w.@\[\]:]+\s*%> | @[A-Z_]{3,40}@ | \\[1-9] ) ["'`]* [;,]? """
)
_ROOTS = "etc|var|usr|run|root|home|opt|srv|dev|proc|sys|tmp|lib|mnt|media|data|boot|s?bin|app|config|secrets"
_PATH = re.compile(
    rf"""["'`<]*(?:(?:file|hash|btree|lmdb|cdb|texthash|proxy|mysql|pgsql|ldap|regexp|pcre):(?://)?){{0,2}}(?:~|\.{{1,2}}|/(?:{_ROOTS})(?=/)|[%$]\{{?\w+\}}?(?=/)|[A-Z]:(?=\\))[\w./\\@%+~*{{}}$:-]*["'`>]*[;,]?"""
)
_NUMBER = re.compile(r"""["']*-?\d{1,9}(?:\.\d{1,6})?\s?(?:[smhdwykKMGTB%]|ms|min|days?|hours?|bits?)?["']*[;,]?""")
_ALGORITHM = r"(?:sha|md|rsa|ecdsa|ed|aes|des|x|v|ip|tls|ssl|hs|rs|es|ps|utf|iso|oauth|scram|pbkdf|k|p|s|http|base|u?int|level|i)-?\d{1,5}"
_TOKEN = re.compile(rf"(?i){_ALGORITHM}|[a-z]{{1,32}}|\d{{1,6}}")
_BETWEEN = re.compile(r"[-_.:/@,|+\s()\"'`;]+")
#: What nsswitch.conf(5) and services(5) say of names that are those of secrets elsewhere.
_SOURCES = re.compile(
    r"(?:(?:files|compat|systemd|sss|nis|nisplus|db|ldap|winbind|dns|resolve|extrausers|cache|altfiles|myhostname|\[[\w=! ]{1,40}\])\s*)+"
    r"|\d{1,5}/(?:tcp|udp|sctp|dccp)\b.*"
)
_COMMAND = re.compile(r"[\"']?\$\([\w ./-]{1,80}\)[\"']?;?")
_WORD = re.compile(r"[A-Za-z][a-z'-]*[.,;:!?)\"]*|\([A-Za-z]+\)?")


def nothing(value: str) -> bool:
    """Tell whether a value cannot be a secret, even of a name that is certain."""
    value = value.strip()
    return (
        not value
        or bool(_NOTHING.fullmatch(value) or _REFERENCE.fullmatch(value) or _SOURCES.fullmatch(value))
        or is_path(value)
    )


def is_path(value: str) -> bool:
    """Tell whether a value is a path, and none with random letters in it."""
    return bool(_PATH.fullmatch(value)) and len(value) < 256 and not any(map(looks_random, re.split(r"[/\\]", value)))


def harmless(value: str) -> bool:
    """Tell whether a value looks harmless: that counts where the name is not certain."""
    value = value.strip()
    if nothing(value) or _NUMBER.fullmatch(value):
        return True
    if len(value) > 200 or any(map(looks_random, value.split())):
        return False
    return bool(_COMMAND.fullmatch(value)) or all(_TOKEN.fullmatch(token) for token in _BETWEEN.split(value) if token)


def prose(text: str) -> bool:
    """Tell whether a text is words of a sentence, three at least, and nothing else."""
    words = text.split()
    return len(words) >= 3 and all(_WORD.fullmatch(word) for word in words)


def odd(word: str) -> bool:
    """Tell whether a word in a sentence looks like a secret: letters with digits or signs in them."""
    bare = word.strip("\"'`.,;:!?()[]{}<>")
    if (
        len(bare) < 4
        or nothing(bare)
        or _NUMBER.fullmatch(bare)
        or bare.startswith(("-", "$", "/", "http", "%", "<", "*"))
    ):
        return False
    return not re.fullmatch(rf"(?i)[A-Za-z][A-Za-z'_.:/=-]*|{_ALGORITHM}|[\d.:-]+", bare)
