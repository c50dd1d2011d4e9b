"""Names of secrets with their values, in whatever way a format writes them: ini, YAML, JSON, XML, shell, PHP, routers ..."""

import re
import time
from collections.abc import Iterator

from driftline_agent.redaction import blocks, values
from driftline_agent.redaction.words import STEM, STRICT, judge, small

Span = tuple[int, int]

_IDENT = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-ñç")
_SEPARATOR = re.compile(
    r"""(?P<close>(?:\\?["'`]|[\]\)}]|>>)*)[ \t]*(?P<sep>=>|:=|!==?|=~|\?=|\+=|={1,3}|::?(?!//)|->|,(?=[ \t]*(?:\\?["'`]|<<))|)[ \t]*"""
)
_ATTRIBUTE = re.compile(
    r"""(?:name|key|id|property|field|var|variable|option|parameter|param|env|label)\\?["']?[ \t]*[:=][ \t]*\\?["']?[\w.:/-]*$""",
    re.IGNORECASE,
)
_ITS_VALUE = re.compile(
    r"""\\?["']?[ \t]*,?[ \t]*(?:\#[^\n]*)?(?:\n[ \t]*)?\\?["']?(?:value|default|content|valor|val|data)\\?["']?[ \t]*[:=][ \t]*""",
    re.IGNORECASE,
)
_TAG_VALUE = re.compile(
    r"""\b(?:value|content|default|val|data)[ \t]*=[ \t]*(?P<q>["'])(?P<s>.*?)(?P=q)""", re.DOTALL | re.IGNORECASE
)
_COMMENT = re.compile(r"[ \t]*(?:#|;|//|--[ \t]|!|\*|dnl\b|REM\b|\"|<!--|/\*)", re.IGNORECASE)
_LEAD = re.compile(
    r"""[ \t]*(?:(?:export|set|setenv|declare|local|readonly|typeset|env|Environment=|SetEnv|var|let|const|public|private|protected|static|final|define|global|add|enable
    |no|user|String|val|[#;*!$@%"'`({\[<:-]|//|--?)[ \t]*)*""",
    re.VERBOSE,
)
_STOP = frozenset(
    """is in then do and or for to of the with from has was not be on by a an as at must should will may can if else when who that this are been which
    required requisite sufficient optional include substack authentication database file files prompt ask agent | || && ; ) ] } \\ < > - -- =~ == != -eq fi done esac
    }; ); , . -> => + * [[ [ { ( << <<< 2>/dev/null""".split()
)
#: pam.conf(5): the types of its stacks are words for other things elsewhere.
_PAM = re.compile(
    r"[ \t]*#?[ \t]*-?(?:auth|account|password|session)[ \t]+(?:required|requisite|sufficient|optional|include|substack|\[[\w=\- ]+\])[ \t]+\S"
)
_HEREDOC = re.compile(r"""<<[-~]?[ \t]*(?P<q>["']?)(?P<tag>[A-Za-z_]\w*)(?P=q)(?=[ \t]*(?:\n|[|;)&]|>[^>]))""")
_SIBLING = re.compile(
    r"[\w.-]*</(?P<n>[\w.-]*(?:name|key|property|id|field))>\s*<(?P<v>[\w.-]+)(?:\s[^<>]*)?>\s*(?P<s>.*?)\s*</(?P=v)>",
    re.DOTALL | re.IGNORECASE,
)
#: What a value without quotes ends at where others stand beside it.
_NEXT = re.compile(
    r"[;&](?=[ \t]*[\w. -]+=)|&amp;|[,;][ \t]*(?=[\"']?[\w.-]+[\"']?[ \t]*[:=])|[ \t]+(?=[\"']?--?[A-Za-z][\w-]*|[\"']?[A-Za-z_][\w.-]*[ \t]*=(?!=))"
)
_MAX_QUOTED = 16_384
#: Seconds of the processor that one text may take.
MAX_S = 3.0
_PAIRS = {"{": "}", "[": "]", "(": ")"}


class UndelimitedError(ValueError):
    """Something is a secret by its name, and nobody can tell where it ends."""


def spans(text: str, hidden: list[Span]) -> Iterator[Span]:
    """Yield the values of names that are those of secrets.

    :param hidden: spans that are known already, sorted; names in them do not count.
    :raises UndelimitedError: where an end cannot be found.
    """
    done = 0
    index = 0
    started = time.process_time()
    for found in STEM.finditer(small(text)):
        start, end = found.span()
        if start < done:
            continue
        while index < len(hidden) and hidden[index][1] <= start:
            index += 1
        if index < len(hidden) and hidden[index][0] <= start:
            continue
        first, last = start, end
        while first > 0 and text[first - 1] in _IDENT:
            first -= 1
        while last < len(text) and text[last] in _IDENT:
            last += 1
        name = text[first:last]
        if len(name) > 120:
            continue
        if time.process_time() - started > MAX_S:
            raise UndelimitedError("it takes too long to look through")
        verdict = judge(name, start - first, end - first, found["strict"] is not None)
        if verdict is None:
            continue
        for span in _Name(text, first, last, *verdict).values():
            if span[1] > span[0]:
                yield span
                done = max(done, span[1])


class _Name:
    """One name, and where its value stands.

    :param strict: STRICT or WEAK.
    :param about: it only tells about a secret.
    """

    def __init__(self, text: str, first: int, last: int, strict: str, about: bool) -> None:
        self._text, self._first, self._last = text, first, last
        self._strict = strict == STRICT and not about
        self._about = about
        self._line = text.rfind("\n", 0, first) + 1
        end = text.find("\n", last)
        self._end = len(text) if end < 0 else end
        self._before = text[self._line : first]
        self._comment = bool(_COMMENT.match(text, self._line, first + 1)) and not self._before.lstrip().startswith(
            ("--", '"')
        )
        self._leads = _LEAD.fullmatch(self._before) is not None

    def values(self) -> Iterator[Span]:
        """Yield the spans of the value, none where it is harmless."""
        text = self._text
        tag = self._in_tag()
        if tag is not None:
            yield from tag
            return
        sibling = _SIBLING.match(text, self._last)
        if sibling:
            yield from self._kept(iter([sibling.span("s")]))
            return
        separator = _SEPARATOR.match(text, self._last)
        if separator is None:  # it matches the empty text
            return
        beside = _ATTRIBUTE.search(self._before)
        if beside:
            its = _ITS_VALUE.match(text, self._last)
            if its:
                end = text.find("\n", its.end())
                self._end = len(text) if end < 0 else end
                yield from self._kept(self._value(its.end(), ""))
                return
        if separator["sep"] == "," and not any(
            self._before.count(bracket) > self._before.count(_PAIRS[bracket]) for bracket in _PAIRS
        ):
            return  # a list of words
        if separator["sep"]:
            yield from self._kept(self._value(separator.end(), separator["close"]))
        elif separator.end() > self._last:
            yield from self._spaced(separator.end(), separator["close"])

    def _kept(self, found: Iterator[Span]) -> Iterator[Span]:
        for start, end in found:
            value = self._text[start:end]
            if not (values.nothing(value) if self._strict else values.harmless(value)):
                yield start, end

    def _in_tag(self) -> list[Span] | None:
        """Return the spans where the name is an XML element's or stands in one's attribute; None where neither."""
        text, first = self._text, self._first
        opened = text.rfind("<", max(0, first - 600), first)
        if opened < 0 or ">" in text[opened:first]:
            return None
        if not re.match(r"<[A-Za-z!?/]", text[opened : opened + 2]):
            return None
        if re.fullmatch(r"</?(?:[\w.-]+:)?", text[opened:first]):
            return [] if text[opened + 1] == "/" else list(self._kept(iter(self._element(text.find(">", self._last)))))
        closed = text.find(">", self._last)
        if closed < 0 or closed - opened > 4096:
            return None
        if not _ATTRIBUTE.search(text[opened:first]):
            return None
        out = [found.span("s") for found in _TAG_VALUE.finditer(text, opened, closed)]
        if text[closed - 1] != "/" and not out:
            out += self._element(closed)
        return list(self._kept(iter(out)))

    def _element(self, closed: int) -> list[Span]:
        """Return the content of the element whose tag ends at a place."""
        text = self._text
        if closed < 0 or text[closed - 1] == "/":
            return []
        if text.startswith("</key>", self._last):  # a property list: the value is the element that follows
            following = re.compile(r"</key>\s*<\w+>(?P<s>.*?)</\w+>", re.DOTALL).match(text, self._last)
            return [following.span("s")] if following else []
        name = re.escape(text[self._first : self._last])
        end = re.compile(rf"</(?:[\w.-]+:)?{name}\s*>").search(text, closed, closed + _MAX_QUOTED) or re.compile(
            "</"
        ).search(text, closed, closed + _MAX_QUOTED)
        if end is None:
            if self._strict and text[closed + 1 :].strip():
                raise UndelimitedError("an XML element that is named like a secret does not end")
            return []
        start, stop = closed + 1, end.start()
        if "<" in text[start:stop] and "<![CDATA[" not in text[start:stop]:
            # Elements in it have names of their own; their texts are secrets all the same where this name is certain.
            if not self._strict:
                return []
            return [found.span(1) for found in re.compile(r">([^<>]*[^<>\s][^<>]*)<").finditer(text, closed, stop + 1)]
        while start < stop and text[start].isspace():
            start += 1
        while stop > start and text[stop - 1].isspace():
            stop -= 1
        return [(start, stop)]

    def _spaced(self, at: int, close: str) -> Iterator[Span]:
        """Yield what follows a name after spaces only: ``requirepass foobared``, ``neighbor x password y``."""
        text = self._text
        rest = text[at : self._end]
        if self._strict and rest.strip() in ("{", "= {"):
            yield from blocks.children(text, self._end, self._indent())
            return
        if not rest.strip() or (close and not self._leads) or _PAM.match(text, self._line):
            return
        before = text[self._first - 1] if self._first else ""
        if (before and before in "/{@[") or (before == "$" and not self._leads) or (before == "." and not self._leads):
            return
        if self._about or not self._strict:
            if self._leads and not self._comment and not close:
                yield from self._kept(self._value(at, close))
            return
        words = rest.split()
        if text[self._last - 1] in ".-" or text[self._first : self._last].endswith("."):
            return
        option = before == "-" or self._before.rstrip().endswith("--")
        if option:
            if not words[0].startswith(("-", "|", ")", "]", "<", ">", "&", ";")) and words[0] not in _STOP:
                yield from self._kept(iter([self._argument(at)]))
            return
        if not self._leads or self._comment or words[0].lower().strip(".,:;()") in _STOP:
            sentence = self._comment or words[0].lower().strip(".,:;()") in _STOP
            if values.prose(rest) or (sentence and not any(map(values.odd, words))):
                return
            yield from self._kept(self._value(at, close, whole=True))
            return
        yield from self._kept(self._value(at, close, whole=True))

    def _argument(self, at: int) -> Span:
        text = self._text
        if text[at] in "\"'":
            end = text.find(text[at], at + 1)
            if end >= 0:
                return at + 1, end
        found = re.compile(r"[^\s\"'`;|&)]+|.").match(text, at, self._end)
        return found.span() if found else (at, self._end)

    def _value(self, at: int, close: str, whole: bool = False) -> Iterator[Span]:
        text = self._text
        if at >= self._end:
            yield from self._below(at)
            return
        heredoc = _HEREDOC.search(text, at, self._end + 1)
        if heredoc:
            end = re.compile(rf"(?m)^[ \t]*{heredoc['tag']}\b").search(text, self._end)
            if end is None:
                raise UndelimitedError("a here-document that is named like a secret does not end")
            yield self._end + 1, end.start()
            return
        block = re.compile(r"[|>][-+0-9]*[ \t]*(?:#[^\n]*)?$", re.MULTILINE).match(text, at)
        if block:
            yield from blocks.children(text, self._end, self._indent(), whole=True)
            return
        outer = self._outer(close)
        prefix = re.compile(r"(?:[bruBRU$@L]{1,2}|<<|String\.new\(|\w+\()?(?P<q>\\?[\"'`]{1,3})").match(
            text, at, self._end
        )
        if prefix and not (outer and prefix["q"][-1] == outer and not prefix["q"].startswith("\\")):
            yield self._quoted(prefix.end() - len(prefix["q"]), prefix["q"])
            return
        if text[at] in _PAIRS and not whole:
            yield from self._bracket(at)
            return
        yield self._bare(at, outer, whole)

    def _outer(self, close: str) -> str:
        """Return the quote that the name itself stands in, or nothing."""
        told = re.sub(r"\\[\"'`]", "", self._before) + re.sub(r"\\[\"'`]", "", close)
        for quote in ('"', "'", "`"):
            if told.count(quote) % 2 and not (quote == "'" and self._comment):
                return quote
        return ""

    def _quoted(self, at: int, quote: str) -> Span:
        """Return what stands in quotes that begin at a place."""
        text = self._text
        if len(quote) == 2 and not quote.startswith("\\"):
            return at, at  # an empty text
        start = at + len(quote)
        end = start
        while True:
            end = text.find(quote, end, at + _MAX_QUOTED)
            if end < 0:
                if len(quote) == 1 and "\n" in text[start : self._end + 1]:
                    # Not a quote then, but a letter of the value, or the end of something: the line is taken whole.
                    return at, self._end
                raise UndelimitedError("a quoted text that is named like a secret does not end")
            if not quote.startswith("\\"):
                slashes = len(text[start:end]) - len(text[start:end].rstrip("\\"))
                if slashes % 2 and quote != "'":
                    end += 1
                    continue
                if text[end + len(quote) : end + len(quote) + 1] == quote and len(quote) == 1:
                    end += 2  # doubled: a quote within
                    continue
            break
        if "\n" in text[start:end] and len(quote) == 1:
            return start, max(end, self._end)
        # What goes on behind the closing quote belongs to it: 'a'"b", "a" . "b"
        more = re.compile(r"[ \t]*[.+]?[ \t]*[\"'`](?=[^\s,;:)\]}>=])[^\n]*").match(text, end + len(quote), self._end)
        glued = re.compile(r"[^\s,;:)\]}>\"'`<#&|/\\]+").match(text, end + len(quote), self._end)
        return start, (more or glued).end() if more or glued else end  # type: ignore[union-attr]  # one of them is there

    def _bracket(self, at: int) -> Iterator[Span]:
        """Yield what stands in a bracket: all of it on one line, or the values of the lines below."""
        if not self._strict:
            return
        text, depth, quote = self._text, 0, ""
        for place in range(at, self._end):
            letter = text[place]
            if quote:
                quote = "" if letter == quote and text[place - 1] != "\\" else quote
            elif letter in "\"'":
                quote = letter
            elif letter in _PAIRS:
                depth += 1
            elif letter in _PAIRS.values():
                depth -= 1
                if depth == 0:
                    yield at + 1, place
                    return
        if text[at + 1 : self._end].strip():
            yield at + 1, self._end
        yield from blocks.children(text, self._end, self._indent())

    def _bare(self, at: int, outer: str, whole: bool) -> Span:
        text, end = self._text, self._end
        if outer:
            stop = re.compile(rf"(?<!\\){outer}").search(text, at, end)
            end = stop.start() if stop else end
        elif not self._leads and not whole:
            opened = [bracket for bracket in "{[(" if self._before.count(bracket) > self._before.count(_PAIRS[bracket])]
            stops = [text.find(_PAIRS[bracket], at, end) for bracket in opened]
            end = min([stop for stop in stops if stop >= 0], default=end)
        if not self._leads or outer:
            following = _NEXT.search(text, at, end)
            if following:
                end = following.start()
        while text[end - 1 : end] == "\\" and end < len(text) and text[end] == "\n":  # goes on in the next line
            more = text.find("\n", end + 1)
            end = len(text) if more < 0 else more
        tail = re.compile(r"[ \t]*(?:[;,]|\*/|-->|</?\w+>)?[ \t\r]*$").search(text[at:end])
        return at, (at + tail.start() if tail else end)

    def _indent(self) -> int:
        lead = re.match(r"[ \t]*(?:- +)*", self._before)
        return len(lead[0]) if lead else 0

    def _below(self, at: int) -> Iterator[Span]:
        """Yield the values below a name that has none beside it."""
        text = self._text
        if not self._strict or self._comment:
            return
        following = re.compile(r"\n[ \t]*").match(text, at)
        if (
            following
            and text[following.end() : following.end() + 1] in tuple("\"'")
            and not self._before.strip(" \t\"'-")
        ):
            quoted = self._quoted(following.end(), text[following.end()])
            if text[quoted[1] + 1 : quoted[1] + 2] != ":":
                yield quoted
                return
        yield from blocks.children(text, self._end, self._indent())
