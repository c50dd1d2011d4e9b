"""Values of fields: from what people write to what is kept, and back to text."""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from driftline_baseline.catalog.model import CiField
from driftline_baseline.errors import BaselineError

#: Characters of a text.
LONGEST = 500

_MAIL = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;]+")
_MONEY = re.compile(r"(-?[0-9]+(?:\.[0-9]{1,4})?)(?: ?([A-Z]{3}))?")
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_YES, _NO = ("true", "yes"), ("false", "no")


class ValueRefused(BaselineError, ValueError):
    """A value that does not fit its field; the message is what is wrong, without field and value."""


def read(field: CiField, value: Any) -> Any:
    """Return a value as it is kept. A reference stays the text that people wrote; who asks looks it up.

    :param value: a text as people write it, or what JSON has for it.
    :raises ValueRefused: where it does not fit; says the mend.
    """
    text = text_of(value).replace("\r\n", "\n")
    if not isinstance(value, str | int | float):
        raise ValueRefused("is no plain value")
    if len(text) > LONGEST:
        raise ValueRefused(f"is longer than {LONGEST} characters")
    if any(ord(character) < 32 and character not in "\n\t" for character in text):
        raise ValueRefused("has control characters; leave them out")
    text = text.strip()
    if not text:
        raise ValueRefused("is empty; clear the field instead")
    kept = _READERS[field.type](field, text)
    if field.pattern is not None and _compiled(field.pattern).fullmatch(text_of(kept)) is None:
        raise ValueRefused(f"does not match {field.pattern}")
    return kept


def text_of(value: Any) -> str:
    """Return a kept value as people write it, so that :func:`read` gives the same again."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def shown(field: CiField | None, value: Any) -> str:
    """Return a kept value for people, with its unit."""
    text = text_of(value)
    if field is None or not text:
        return text
    if field.type == "boolean":
        return "yes" if value else "no"
    return f"{text} {field.unit}" if field.unit and field.type in ("number", "integer") else text


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _number(_field: CiField, text: str) -> float | int:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueRefused("is no number; write it as 1234.5") from error
    if not number.is_finite() or abs(number) >= 10**15:
        raise ValueRefused("is no number below 10^15")
    return int(number) if number == number.to_integral_value() else float(number)


def _integer(_field: CiField, text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueRefused("is no whole number")
    return int(text)


def _date(_field: CiField, text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise ValueRefused("is no day; write it as 2026-11-24") from error


def _boolean(_field: CiField, text: str) -> bool:
    if text.lower() not in (*_YES, *_NO):
        raise ValueRefused("is neither true nor false")
    return text.lower() in _YES


def _money(field: CiField, text: str) -> str:
    found = _MONEY.fullmatch(text)
    currency = (found[2] or field.unit) if found else None
    if found is None or currency is None:
        raise ValueRefused("is no amount and currency; write it as 1200.50 EUR, without separators of thousands")
    amount = Decimal(found[1])
    plain = f"{int(amount)}" if amount == amount.to_integral_value() else f"{amount:f}".rstrip("0")
    whole, point, cents = plain.partition(".")
    return f"{whole}{point}{cents.ljust(2, '0') if point else ''} {currency}"


def _email(_field: CiField, text: str) -> str:
    if not _MAIL.fullmatch(text):
        raise ValueRefused("is no mail address; write it as dba@example.com")
    return text


def _url(_field: CiField, text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise ValueRefused(f"is no address: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.netloc or any(one.isspace() for one in text):
        raise ValueRefused("is no address; it begins with https:// or http://")
    if parts.password is not None:
        raise ValueRefused("has a password in it; there are no secrets in the CMDB, leave it out")
    return text


def _choice(field: CiField, text: str) -> str:
    if text not in field.choices:
        raise ValueRefused(f"is not one of {', '.join(field.choices)}")
    return text


def _text(_field: CiField, text: str) -> str:
    return text


_READERS: dict[str, Callable[[CiField, str], Any]] = {
    "text": _text,
    "number": _number,
    "integer": _integer,
    "date": _date,
    "boolean": _boolean,
    "money": _money,
    "email": _email,
    "url": _url,
    "choice": _choice,
    "reference": _text,
}
