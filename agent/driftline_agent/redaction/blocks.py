"""Parts of a file, or whole files, in which everything is a secret: sections, children of a name, lists of passwords."""

import re
from collections.abc import Iterator

from driftline_agent.redaction import values

Span = tuple[int, int]

#: Files that are lists of secrets: only what stands before the first separator stays.
LISTS = re.compile(
    r"""(?ix) (?:^|.*/) (?: \.?(?:pgpass|netrc|authinfo|htpasswd|htdigest|digest|git-credentials|rsyncd\.secrets|vault[-_]pass\w*|erlang\.cookie)(?:\..*)?
    | .*(?:secrets?|psk|passwords?|credentials?|tokens?|sasl[-_.]?passw\w*|userlist|\.keys|ntp\.keys|chrony\.keys|passwd\.client|smbpasswd|htpasswd|htdigest)
      (?:\.(?:txt|conf|cfg|list|db|map|dat|lst|csv|env))?
    | (?:.*[-_.])?(?:dbpw|pass|passfile|pwfile|passwdfile|auth_file|squid_passwd|vncpasswd|stunnel.*\.psk)(?:\.(?:txt|conf|dat))?
    | .*/(?:httpd?|apache2?|nginx|lighttpd|squid|dovecot|svn|exim4?|postfix|tinyproxy|mosquitto|pgbouncer|prosody|znc)(?:/.*)?/
      (?:\w*passwd\w*|\w*password\w*|users|userlist\.txt|pwfile|acl_users) )$"""
)
#: What is named so and yet is none: PAM's stacks, defaults.
NO_LISTS = re.compile(
    r"(?i).*/(?:pam\.d|default|init\.d|cron\.\w+|logrotate\.d|bash_completion\.d|apparmor\.d|systemd|python[\d.]*|perl|sudoers\.d)/.*|/etc/passwd-?"
)
#: Files with a shared secret in a column, by the file's name: the pattern's group is it.
COLUMNS: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = (
    (
        re.compile(r"(?i).*radius.*|.*/raddb/.*"),
        re.compile(r"^[ \t]*(?:#[ \t]*)?[\w.:\[\]-]+(?::\d+)?[ \t]+(?P<s>\S+)(?:[ \t]+\d+.*)?[ \t]*$", re.MULTILINE),
    ),
    (
        re.compile(r"(?i).*tac.*"),
        re.compile(r"\b(?:key|secret)[ \t]*=[ \t]*(?P<s>\"[^\"\n]*\"|[^\s;}]+)", re.IGNORECASE),
    ),
    (re.compile(r"(?i).*voicemail.*"), re.compile(r"^[ \t]*\d+[ \t]*=>?[ \t]*(?P<s>[^,\n]*)", re.MULTILINE)),
    (
        re.compile(r"(?i).*corosync.*|.*heartbeat.*|.*authkeys?"),
        re.compile(r"^[ \t]*\d+[ \t]+(?:crc|md5|sha1|sha\d+)[ \t]+(?P<s>\S+)", re.MULTILINE),
    ),
)
#: Sections whose every value is a secret.
_SECTION = re.compile(
    r"(?m)^[ \t]*\[{1,2}[ \t]*(?P<name>[^\[\]\n]{1,200}?)[ \t]*\]{1,2}[^\n]*\n(?P<body>(?:(?![ \t]*\[)[^\n]*(?:\n|\Z))*)"
)
_SECRET_SECTION = re.compile(
    r"(?i)(?:[\w.:-]*[-_.:])?(?:secrets?|credentials?|passwords?|passwd|tokens?|admins|users|userlist|api[-_]?keys|accounts)"
)
_ENTRY = re.compile(
    r"(?m)^[ \t]*(?:[#;][ \t]*)?(?:-[ \t]+)?(?P<name>[^\s=:#;][^=:\n]{0,200}?)[ \t]*(?:=>?|:)[ \t]*(?P<s>\S[^\n]*?)[ \t]*\r?$"
)
_USERS = re.compile(r"(?i)users|accounts")

#: A block of more lines is taken as a whole, with all that follows it.
MAX_LINES = 500

_KUBERNETES = re.compile(
    r"(?m)^(?P<i>[ \t]*)[\"']?kind[\"']?[ \t]*:[ \t]*[\"']?(?:Secret|SealedSecret)[\"']?[ \t]*,?[ \t]*$"
)
_DATA = re.compile(r"(?m)^(?P<i>[ \t]*)[\"']?(?:data|stringData|encryptedData)[\"']?[ \t]*:[ \t]*\{?[ \t]*$")


def spans(path: str, text: str) -> Iterator[Span]:
    """Yield what is a secret by where in which file it stands."""
    if LISTS.fullmatch(path) and not NO_LISTS.fullmatch(path):
        yield from _listed(text)
    for name, pattern in COLUMNS:
        if name.fullmatch(path):
            for found in pattern.finditer(text):
                yield found.span("s")
    for section in _SECTION.finditer(text):
        if _SECRET_SECTION.fullmatch(section["name"]):
            loose = bool(_USERS.fullmatch(section["name"]))
            for entry in _ENTRY.finditer(text, *section.span("body")):
                value = entry["s"]
                if not (values.harmless(value) and (values.nothing(value) or (loose and len(value.split()) > 3))):
                    yield entry.span("s")
    if _KUBERNETES.search(text):
        for found in _DATA.finditer(text):
            yield from children(text, found.end(), len(found["i"]))


def _listed(text: str) -> Iterator[Span]:
    for line in re.finditer(r"[^\n]+", text):
        body = line[0]
        if not body.strip():
            continue
        comment = re.match(r"[ \t]*(?:#|;|//)+[ \t]*", body)
        if comment:
            if body[comment.end() :].strip():
                yield line.start() + comment.end(), line.end()
            continue
        if re.fullmatch(r"[ \t]*\[[^\]\n]+\][ \t]*|[ \t]*[{}()\[\]]*,?;?[ \t]*", body):
            continue
        named = re.match(
            r"[ \t]*(?:export[ \t]+|-[ \t]+)?(?:\"[^\"]*\"|'[^']*'|[\w.@%*\[\]+/-]+)[ \t]*(?::(?!//)|=>?)[ \t]*(?=\S)",
            body,
        )
        if not named:
            named = re.match(r"(?:machine|default)[ \t]+(?:\S+[ \t]+)??(?=login)|[ \t]*(?:login|machine)[ \t]+", body)
            if named and not re.search("pass|account", body):
                continue
        yield line.start() + (named.end() if named else len(body) - len(body.lstrip())), line.end()


def children(text: str, at: int, indent: int, whole: bool = False) -> Iterator[Span]:
    """Yield the values, or with `whole` all, of the lines below a place that are indented deeper.

    :param at: the end of the line that they are below.
    """
    position, left = text.find("\n", at), MAX_LINES
    while 0 <= position < len(text) - 1:
        start = position + 1
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        body = text[start:end]
        position = end if end < len(text) else -1
        if not body.strip():
            continue
        left -= 1
        if left < 0:
            yield start, len(text)
            return
        depth = len(body) - len(body.lstrip())
        if depth < indent or (depth == indent and not body.lstrip().startswith("- ")):
            return
        lead = start + depth
        if whole:
            yield lead, end
            continue
        entry = re.match(r"(?:- )?[\"']?[\w./@$-]+[\"']?[ \t]*(?:=>|[:=])[ \t]*(?=\S)", text[lead:end])
        if entry:
            lead += entry.end()
        elif re.fullmatch(
            r"(?:- )?[\"']?[\w./@ $-]*[\"']?[ \t]*(?:=>|[:=])?[ \t]*[{}()\[\]|>]*[-+]?[,;]?", body.strip()
        ) and not (re.fullmatch(r"(?:- )?[\"']?[\w./@$-]+[\"']?[,;]?", body.strip())):
            continue
        if not values.nothing(text[lead:end].rstrip(",;")) and text[lead:end].strip(" {}[](),;|>-"):
            yield lead, end
