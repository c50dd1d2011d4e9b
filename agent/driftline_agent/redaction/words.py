"""Which names are those of secrets: ``DB_PASSWORD``, ``rootpw``, ``client-secret``, ``apiKey``."""

import re

STRICT, WEAK = "strict", "weak"

#: What makes a name that of a secret, whatever stands around it.
_STRICT = (
    r"pass(?:w(?:or)?d|wrd|phrase|code|key|wort)s?",
    r"pass(?:es)?(?![a-z])",
    r"kennw(?:or)?t|contrase(?:n|ñ)a|mot[-_]?de[-_]?passe|mdp(?![a-z])|senha(?![a-z])|has(?:l|ł)o(?![a-z])",
    r"pwds?(?![a-z])|pw(?![a-z])|pepper(?![a-z])",
    r"secrets?|tokens?(?!iz|is)|psk|pre[-_. ]?shared|credentials?|creds?(?![a-z])|authtok|passkey",
    r"(?:api|app|application|access|secret|private|priv|public[-_]?private|encryption|encrypt|encr|enc|decrypt|decryption"
    r"|signing|sign|signature|master|shared|auth|authentication|session|account|storage|service|routing|licen[sc]e|hmac"
    r"|des|3des|aes|crypt|cipher|cookie|security|deploy|integration|instrumentation|ingest(?:ion)?|subscription|recovery"
    r"|rndc|omapi|activation|registration|product|webhook|tsig|wep|wpa|admin|write|transfer|update|site|consumer|unseal"
    r"|enrol+ment|join|cluster|vault|gossip|management|root)[-_. ]?keys?(?:[-_]?(?:data|base|string|material))?(?![a-z])",
    r"client[-_]?key[-_]?data|key[-_ ]?string|wep[-_]?key\d?|secure[-_]?auth|logged[-_]?in|nonce[-_]?(?:key|salt)",
    r"communit(?:y|ies)|salt(?:s|es)?(?![a-z])|bearer|(?<![a-z])t?otp(?![a-z])|masterauth|x-auth",
    r"(?<![a-z])dsn|dsnw|(?<![a-z])jwt|connection[-_. ]?string|conn(?:ect)?[-_]?str(?:ing)?|webhooks?(?:[-_]?ur[li])?",
    r"sasl[-_.]jaas|service[-_]?account[-_]?json|seed[-_]?phrase|mnemonic",
    r"recovery[-_]?codes?|backup[-_]?codes?|security[-_]?(?:answer|code)",
    r"default_auth|auth_?data|unlock[-_]?code|md5[-_]?key|cram[-_]?md5|private[-_]?exponent|prime[12]|exponent[12]"
    r"|coefficient",
)
#: What makes it one only where the value does not look harmless.
_WEAK = (
    r"auth(?:ori[sz]ation)?(?![a-z])",
    r"keys?(?![a-z])",
    r"hash(?![a-z])",
    r"cookies?(?![a-z])",
    r"signature|(?<![a-z])sig(?![a-z])",
    r"encrypt(?![a-z])",
    r"licen[cs]e",
    r"nonce",
    r"digest(?![a-z])",
    r"serial(?![a-z])",
    r"login(?![a-z])",
    r"(?<![a-z])seed(?![a-z])",
    r"identity(?![a-z])",
    r"certificate[-_]?data|cert[-_]?data",
)

#: Over small letters: to ignore the case costs three times the time.
STEM = re.compile(f"(?P<strict>{'|'.join(_STRICT)})|(?P<weak>{'|'.join(_WEAK)})")
_SMALL = {letter: letter + 32 for letter in range(65, 91)}


def small(text: str) -> str:
    """Return a text of the same length with small letters for ASCII's capitals."""
    return text.lower() if text.isascii() else text.translate(_SMALL)


#: Names that hold such a word by chance, or that are something else by long habit; in small letters without -, _ and dots.
_OTHER = re.compile(
    r"(?:\w*(?:by|com|tres|sur|encom|under|over))pass(?:es)?|\w*(?:proxy|fastcgi|uwsgi|scgi|grpc|memcached)_?pass(?:es|reverse|match)?"
    r"|\w*no_?pass(?:w(?:or)?d)?|oldpwd|passw(?:or)?dless|\w*public_?keys?|\w*(?:author|trust)\w*_?keys?|turkey|monkey"
    r"|\w*(?:known|host)_?keys?|hotkeys?|kpasswd|x?keyboard|secretary|secretariat|tokeni[sz]\w*|\w*keytab|pinn\w*|\w*dnskey"
    r"|authoritative|identity"
)
#: A name that goes on with one of these tells something about a secret, not the secret.
ABOUT = frozenset(
    """age ages algo algorithm algorithms attempts authentication backend bits callback cache chars check checks class
    client command cmd complexity config configuration cost count database days db dir directory disable disabled
    dictionary driver duration edit enable enabled encoding encryption endpoint ends env exec expiration expire expired
    expires expiry field fields file files filename folder format function generation grace group header helper hint
    history host id ids inactive info interval issuer iterations kind label len length lifetime limit lines link list
    location lookup manager max method min minimum mode module name names needed of only option options owner param
    parameter path paths policies policy port process prompt protocol provider quality query quota reader ref refresh
    regex regexp rehash remember reset required requirement requisite retries retry rotation rounds rule scheme
    scope server service set size sizes source state status storage store support table test time timeout tries ttl type types
    update uri url usage use user username users validity version warn warning window aging auth log sock socket filter pattern hashes dn reqd err preauth mem multiplier map maps""".split()
)
#: A name that begins with one of these is a switch.
_SWITCH = frozenset(
    """use no has allow enable enabled disable require required is need needs save store remember show hide force with
    without accept permit ignore skip generate prompt ask change warn check must reject deny supports server expose""".split()
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def judge(name: str, start: int, end: int, strict: bool) -> tuple[str, bool] | None:
    """Return how sure it is that a name is a secret's (STRICT or WEAK), and whether it only tells about one.

    :param start: where in the name the word begins that says so, and where it ends.
    :return: None where it is no such name.
    """
    plain = name.strip("-._").lower().replace("-", "_").replace(".", "_")
    if _OTHER.fullmatch(plain):
        return None
    after = [word.lower() for word in _WORDS.findall(name[end:])]
    before = [word.lower() for word in _WORDS.findall(name[:start])]
    about = bool(ABOUT.intersection(after)) or bool(
        before and before[0] in _SWITCH and (name[start].isupper() or not name[start - 1].isalpha())
    )
    rest = re.match(r"[a-z]+", name[end:].lower())
    if rest and not about:
        about = rest[0] in ABOUT or rest[0].rstrip("s") in ABOUT
    return (STRICT if strict else WEAK), about
