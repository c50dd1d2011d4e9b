"""Text of configuration files without its secrets. It fails closed: in doubt a line goes, or there is no text at all.

In a secret's place stands ``[redacted:1a2b3c4d]``. The digits are a short keyed digest (HMAC-SHA-256 with a key that only
this host has): they change when the secret does, and nobody without the key can try guesses.

The rules are data: :mod:`words`, :mod:`values`, :mod:`patterns`, :mod:`blocks`. Only ``re`` and ``binascii`` are imported,
because the reader runs this as root.
"""

#: Raised by one whenever the same text would be redacted in another way: what the collector has by older rules it then
#: asks for again.
RULES = 1
