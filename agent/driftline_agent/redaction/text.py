"""A text without its secrets, by layers each of which is enough for most.

Files that are secrets by name; blocks (PEM, OpenVPN, Ansible vault); tokens with a known look; places where programs expect
a secret; names of secrets in any syntax; texts that look like made by chance; then every other occurrence of what was
found, also as base64, hexadecimal or with %-escapes.
"""

import re
from binascii import b2a_base64, hexlify
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from driftline_agent.reader import confidential
from driftline_agent.redaction import assignments, blocks, entropy, patterns, values

Span = tuple[int, int]

#: Letters to be looked through for other occurrences of what was found; each is a few nanoseconds.
_MAX_SEARCH = 500_000_000

_MARK = re.compile(r"\[redacted:[0-9a-f]{8}\]")
#: Files whose every byte is a secret, or might be.
_SECRET_FILE = re.compile(
    r"""(?ix) .*/(?: \.?(?:g?shadow|opasswd|master\.passwd|spwd\.db|security/passwd|krb5\.keytab|munge\.key|authkey|\.Xauthority|vncpasswd|passwd\.db|sasldb2?|secrets\.tdb|passdb\.tdb)[-.\w]*
    | id_(?:rsa|dsa|ecdsa|ed25519|xmss)\w* | ssh_host_\w*_key | [^/]*\.(?:jks|jceks|keystore|truststore|bks|p12|pfx|p8|pkcs12|pk8|ppk|kdbx?|keytab|key|gpg|pgp|agekey|pwl|psafe3|ovpn-key|sqlite3?|ibd|mdb) | \.?(?:secring|trustdb)[^/]*
    | private(?:-keys-v1\.d)?/.* )"""
)
_PUBLIC_FILE = re.compile(r"(?i).*\.pub|/etc/apt/trusted\.gpg\.d/.*|.*/keyrings?/.*")


#: What writes longer lines is no person; patterns take the square of a line's length, and must not hang.
_LONG = re.compile(r"[^\n]{2001,}")


class WithheldError(ValueError):
    """There is no text of this file; the message says why."""


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without secrets."""

    text: str
    #: How many were taken out.
    count: int


def redact(path: str, text: str, seal: Callable[[str], str]) -> Redacted:
    """Return a file's text without its secrets.

    :param path: the file's, absolute: the name says much.
    :param seal: makes a keyed digest of a text; its last eight digits count.
    :raises WithheldError: where the text, or a part of it, cannot be told from a secret.
    """
    if confidential.secret(path) or (_SECRET_FILE.fullmatch(path) and not _PUBLIC_FILE.fullmatch(path)):
        raise WithheldError("its name says that it is a secret")
    if "\0" in text:
        raise WithheldError("it is no text")
    if _MARK.search(text):
        text = _MARK.sub("[redacted]", text)  # nobody but driftline writes marks
    text = _LONG.sub(lambda line: f"[redacted:{seal(line[0])[-8:]}]", text)
    try:
        found = _merged(_all(path, text))
        found = _merged([*found, *_elsewhere(text, found)])
    except assignments.UndelimitedError as error:
        raise WithheldError(str(error)) from error
    except RecursionError as error:
        raise WithheldError("it is nested too deeply") from error
    out: list[str] = []
    position = 0
    for start, end in found:
        out += (text[position:start], f"[redacted:{seal(text[start:end])[-8:]}]")
        position = end
    out.append(text[position:])
    result = "".join(out)
    _check(result, {text[start:end] for start, end in found})
    return Redacted(result, len(_MARK.findall(result)))


def _all(path: str, text: str) -> list[Span]:
    public = [found.span() for found in patterns.PUBLIC_BLOCK.finditer(text)]
    found = list(_pem(text, public))
    for _, pattern in (*patterns.BLOCKS, *patterns.TOKENS, *patterns.PLACES):
        for match in pattern.finditer(text):
            span = _group(match)
            if not _in(span, public) and not _harmless(pattern, text[span[0] : span[1]]):
                found.append(span)
    found += blocks.spans(path, text)
    found = _merged(found)
    known = sorted([*found, *public])
    found += (span for span in assignments.spans(text, known) if not _in(span, public))
    for match in entropy.CANDIDATE.finditer(text):
        if not _in(match.span(), public):
            found += _random(text, *match.span())
    return found


_PATTERNS_ON_NAMES = frozenset(pattern for name, pattern in patterns.PLACES)


def _harmless(pattern: re.Pattern[str], value: str) -> bool:
    return pattern in _PATTERNS_ON_NAMES and values.nothing(value)


def _group(match: re.Match[str]) -> Span:
    for name in ("s", "t", "u"):
        if name in match.re.groupindex and match[name] is not None:
            return match.span(name)
    return match.span()


def _pem(text: str, public: list[Span]) -> Iterable[Span]:
    position = 0
    while begin := patterns.BEGIN.search(text, position):
        position = begin.end()
        if _in(begin.span(), public):
            continue
        end = re.compile(patterns.END % re.escape(begin["kind"])).search(text, position)
        if end is None:
            yield begin.end(), len(text)
            return
        yield begin.end(), end.start()
        position = end.end()


def _random(text: str, start: int, end: int) -> Iterable[Span]:
    """Yield what of a run of letters looks like made by chance: all of it, or the names of a path for themselves."""
    run = text[start:end]
    if "/" in run and not entropy.looks_random(run.replace("/", "")):
        at = start
        for part in run.split("/"):
            if entropy.looks_random(part):
                yield at, at + len(part)
            at += len(part) + 1
    elif entropy.looks_random(run):
        if "/" in run and all(values.harmless(part) for part in run.split("/")):
            return
        yield start, end


def _in(span: Span, spans: list[Span]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in spans)


def _merged(spans: Iterable[Span]) -> list[Span]:
    out: list[Span] = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out


def _forms(secret: str) -> set[str]:
    data = secret.encode()
    base64 = b2a_base64(data, newline=False).decode()
    url = "".join(
        letter if letter.isalnum() or letter in "-_.~" else "".join(f"%{byte:02X}" for byte in letter.encode())
        for letter in secret
    )
    json = secret.replace("\\", "\\\\").replace('"', '\\"')
    html = secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    forms = {
        secret,
        base64,
        base64.rstrip("="),
        base64.replace("+", "-").replace("/", "_"),
        url,
        url.lower(),
        json,
        html,
    }
    return forms | {html.replace('"', "&quot;"), hexlify(data).decode(), hexlify(data).decode().upper()}


def _telling(secret: str) -> bool:
    """Tell whether another occurrence of a secret gives it away: short ones and common words are everywhere."""
    return (
        len(secret) >= 6
        and sum(map(str.isalnum, secret)) >= 4
        and "\n" not in secret
        and not all(part.isalpha() for part in secret.split())
    )


def _elsewhere(text: str, found: list[Span]) -> list[Span]:
    secrets = {text[start:end].strip() for start, end in found}
    secrets |= {
        part for secret in secrets if "\n" in secret or " " in secret for part in secret.split() if len(part) >= 12
    }
    forms = sorted({form for secret in secrets if _telling(secret) for form in _forms(secret)}, key=len, reverse=True)
    if len(forms) * len(text) > _MAX_SEARCH:
        raise assignments.UndelimitedError("there are too many secrets in it")
    out: list[Span] = []
    for form in forms:
        place = text.find(form)
        while place >= 0:
            out.append((place, place + len(form)))
            place = text.find(form, place + len(form))
    return out


def _check(result: str, secrets: set[str]) -> None:
    """Make sure of it.

    :raises WithheldError: where something that was taken out still stands in the result.
    """
    plain = _MARK.sub("", result)
    for secret in secrets:
        if _telling(secret) and secret in plain:
            raise WithheldError("a secret of it could not be taken out everywhere")
