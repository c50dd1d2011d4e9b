"""Texts that look like made by chance: keys and tokens that no name gives away."""

import math
import re

#: What may be one: letters, digits and the signs of base64 and of its kin.
CANDIDATE = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX = re.compile(r"(?:0x)?(?:[0-9a-f]{32,}|[0-9A-F]{32,})")
_CLASSES = (re.compile("[a-z]"), re.compile("[A-Z]"), re.compile("[0-9]"))
#: What people write: words, with a capital or none or all, and numbers of some length.
_WORD = re.compile(r"[A-Z]?[a-z]{3,}|[A-Z]{3,}(?![a-z])|[0-9]{4,}|(?<![A-Za-z0-9])[A-Za-z]{1,3}(?![A-Za-z0-9])")
_VOWEL = re.compile("[aeiouyAEIOUY0-9]")
_NO_WORD = re.compile("[^aeiouyAEIOUY]{6}")
_PUBLIC = re.compile(r"AAAA[BCEI][0-9A-Za-z+/]")
_SIGNS = re.compile("[-_/+]")


def bits(text: str) -> float:
    """Return the entropy of a text's letters, in bits a letter."""
    count = {letter: text.count(letter) for letter in set(text)}
    return -sum(n / len(text) * math.log2(n / len(text)) for n in count.values())


def _in_words(text: str) -> float:
    """Return how much of a text is words and long numbers, 0 to 1."""
    letters = len(text) - len(_SIGNS.findall(text))
    words = (found[0] for found in _WORD.finditer(text))
    return sum(len(word) for word in words if _VOWEL.search(word) and not _NO_WORD.search(word)) / max(1, letters)


def looks_random(text: str) -> bool:
    """Tell whether a text looks like made by chance: names of people's making are of words."""
    text = text.rstrip("=")
    if len(text) < 16:
        return False
    if _HEX.fullmatch(text):
        return bits(text.lower()) > 2.2
    if _PUBLIC.match(text):
        return False  # an SSH public key
    kinds = sum(1 for kind in _CLASSES if kind.search(text))
    if kinds < 2:  # one alphabet only
        return len(text) >= 20 and bits(text) > 3.3 and not text.isdigit() and _in_words(text) < 0.3
    return (kinds == 3 or len(text) >= 20) and bits(text) > 3.1 and _in_words(text) < 0.5
