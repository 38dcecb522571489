r"""The keys of `redact`, and what its presets find: patterns for RE2, and checks of what a pattern alone cannot tell.

A group named `secret`, with any number behind it, is what is replaced; without one, the whole match is. RE2 has no
look-around and takes linear time, whatever the text. No secret contains an unescaped quote that ends it, so JSON stays
valid JSON.
"""

import base64
import re
from collections.abc import Callable
from typing import Annotated, Final, Literal, get_args

import msgspec

from logbus.config.patterns import compile_pattern
from logbus.errors import UsageError

PresetName = Literal["email", "ipv4", "ipv6", "credit_card", "credentials", "api_key", "private_key"]

_BYTE = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_HEX = "[0-9A-Fa-f]{1,4}"
_SOME_HEX = f"(?:{_HEX}(?::{_HEX}){{0,6}})?"
_LETTER = r"[\w.%+\x80-\xff-]"
_DOMAIN = r"[A-Za-z0-9\x80-\xff-]+"
_CARDS = (
    r"4\d{12}(?:\d{3}){0,2}", r"5[1-5]\d{14}", r"2[2-7]\d{14}", r"3[47]\d{13}", r"3(?:0[0-5]|[68]\d)\d{11}",
    r"35\d{14}", r"6(?:011|5\d\d|4[4-9]\d)\d{12}", r"62\d{14,17}", r"[2-6]\d{3}(?:[ +-]\d{4}){3}",
    r"3[47]\d\d[ +-]\d{6}[ +-]\d{5}",
)  # fmt: skip

# What stands between a key and its value: quotes, escaped ones too, a colon, `=` or `=>`, the brackets of lists. A
# comma does only between quotes, as in Python's list of tuples: `(b'authorization', b'Bearer x')`.
_QUOTE = r"\\*[\"']"
_BETWEEN = rf"(?:{_QUOTE})?\s*(?:=>|[:=])\s*[\[({{<]*\s*(?:b?{_QUOTE})?|{_QUOTE}\s*,\s*b?{_QUOTE}"
_TOKEN = r"[^\s\"'`,;\\\[\](){}<>]+"  # noqa: S105 - a pattern
_PARAMETER = rf"[\w-]+=(?:\\\"[^\"\\\n]*\\\"|\"[^\"\n]*\"|{_TOKEN})"
_PARAMETERS = rf"{_PARAMETER}(?:, *{_PARAMETER})*"
_SCHEMES = (
    "apikey|aws4-hmac-sha256|basic|bearer|bot|digest|dpop|geniekey|hawk|hmac|jwt|kerberos|key|mac|negotiate|ntlm|oauth"
    "|privatetoken|scram-sha-256|signature|splunk|ssws|token|vapid"
)
_AUTHORIZATION = r"(?i:authorization)"
_KEYS = (
    "password|passwd|passphrase|pwd|secret|secret_?key|access_?token|refresh_?token|id_?token|auth[_-]?token"
    "|private[_-]token|vault-token|api[_-]?key|account_?key|shared_?access_?key|access_?key"
)
_PARAMETER_KEYS = "sig|signature|token|x-amz-signature|x-amz-security-token|private_token"
_COOKIE = r"[\w!#$%&*+.^|~-]+=[^\s;,\"'\\\[\](){}<>]*"
_CREDENTIALS = (
    rf"{_AUTHORIZATION}(?:{_BETWEEN})(?i:{_SCHEMES}) +(?P<secret1>{_PARAMETERS}|{_TOKEN})",
    rf"{_AUTHORIZATION}(?:{_BETWEEN})(?P<secret2>{_TOKEN}(?: +{_TOKEN})?)",
    rf"(?i:\bcookie)(?:{_BETWEEN})(?P<secret3>{_COOKIE}(?:; *{_COOKIE})*)",
    rf"(?i:(?:{_KEYS}))(?:\\*\"\s*[:=]>?\s*\\*\")(?P<secret4>[^\"\\\n]+)",
    rf"(?i:(?:{_KEYS}))(?:{_BETWEEN})(?P<secret5>[^\s\"'`,;&\\\[\](){{}}<>]+)",
    rf"[?&](?i:{_PARAMETER_KEYS})=(?P<secret6>[^\s\"'&;\\<>]+)",
    r"\bcurl [^\n|;]{0,300}?(?:-u|--user)[ =]*[\"']?[^\s:\"'-][^\s:\"']*:(?P<secret7>[^\s\"']+)",
    r"\b(?i:bearer) +(?P<secret8>[\w.~+/-]{16,}=*)|\b(?i:basic) +(?P<secret9>[A-Za-z0-9+/]{6,}={0,2})",
    r"://[^\s/:@\"']*:(?P<secret10>[^\s\"'<>]+)@",
    r"://(?P<secret11>[\w.~+-]{16,})@",
)
_API_KEYS = (
    r"(?:AKIA|ASIA|AGPA|AROA|AIDA)[A-Z0-9]{16}\b", r"gh[pousr]_[A-Za-z0-9]{36,255}", r"github_pat_\w{22,255}",
    r"gl(?:pat|ptt|dt|rt|ft|soat|cbt)-[\w.-]{20,255}", r"xox[abeprs]-[\w-]{10,255}", r"xapp-\d-[\w-]{20,255}",
    r"AIza[\w-]{35}", r"ya29\.[\w-]{20,255}", r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,255}", r"whsec_[\w+/=-]{24,255}",
    r"npm_[A-Za-z0-9]{36}", r"pypi-AgE[\w-]{40,255}", r"hf_[A-Za-z]{34}", r"dop_v1_[a-f0-9]{64}",
    r"dckr_pat_[\w-]{20,255}", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}", r"sq0(?:atp|csp)-[\w-]{22,60}",
    r"sk-(?:[a-z]{2,12}-)*[\w-]{20,255}", r"hv[sbr]\.[\w-]{24,255}", r"ATATT3[\w=-]{50,255}", r"\d{8,10}:AA[\w-]{33}\b",
    r"SG\.[\w-]{22}\.[\w-]{43}", r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*", r"eyJ[\w-]{8,}(?:\.[\w-]*){4}",
)  # fmt: skip
_API_KEYS_INSIDE = (
    r"(?i:\w{0,30}secret_?access_?key)[^\w\n/+]{1,5}(?P<secret2>[A-Za-z0-9/+]{40})\b",
    r"hooks\.slack\.com/services/(?P<secret3>T\w{8,}/B\w{8,}/\w{20,})",
    r"discord(?:app)?\.com/api/webhooks/\d{10,}/(?P<secret4>[\w-]{40,})",
)

PATTERNS: Final[dict[str, str]] = {
    "email": rf"(?:[\w.-]+\+[\w.-]+=)?{_LETTER}+(?:@|%40){_DOMAIN}(?:\.{_DOMAIN})+",
    "ipv4": rf"\b(?:{_BYTE}\.){{3}}{_BYTE}\b",
    "ipv6": rf"(?:(?:{_HEX}:){{7}}{_HEX}|{_SOME_HEX}::{_SOME_HEX})(?:(?:\.\d{{1,3}}){{3}})?",
    "credit_card": rf"(?:\b|_)(?P<secret>{'|'.join(_CARDS)})(?:\b|_)",
    "credentials": "|".join(_CREDENTIALS),
    "api_key": rf"(?:\b|_)(?P<secret1>{'|'.join(_API_KEYS)})|{'|'.join(_API_KEYS_INSIDE)}",
}

NEEDED: Final[dict[str, bytes]] = {"email": b"@%"}
"""Preset -> bytes of which each match has one."""


class Redact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of `redact`: `presets`, and the operator's `patterns` by name, which the placeholder shows.

    With `key_file` the placeholder has a keyed hash, which shows whether texts are equal, and nothing else.
    """

    presets: list[PresetName] = []
    patterns: dict[Annotated[str, msgspec.Meta(pattern=r"^[\w -]{1,32}$")], str] = {}
    key_file: str = ""

    def __post_init__(self) -> None:
        """Check the patterns. Raises UsageError."""
        if not (self.presets or self.patterns):
            raise UsageError("use redact", "it names neither presets nor patterns", "as in presets: [email]")
        for name, text in self.patterns.items():
            if name in get_args(PresetName):
                raise UsageError("use redact", f"{name!r} is a preset's name", "call the pattern something else")
            if compile_pattern(text).search(b""):
                raise UsageError("use redact", f"the pattern {text!r} matches the empty string, so everywhere")


_UNITS = rb"service|socket|device|mount|automount|swap|target|path|timer|slice|scope"  # systemd.unit(5)
_NO_DOMAIN = re.compile(rb"\.(?:\d[\w-]*|" + _UNITS + rb")\Z")
_NO_SECRET = re.compile(rb"(?i)\A(?:\*+|x{3,}|\[.*|null|none|nil|true|false|undefined|redacted|filtered)\Z")


def _is_email(body: bytes, start: int, end: int) -> bool:
    """Reject `user@1000.service`, `request@2.88.2` and `git@host:path`."""
    if re.match(rb"(?:git|hg|svn)@", body[start:end]) and re.match(rb":[\w~/]", body[end : end + 2]):
        return False
    return not _NO_DOMAIN.search(body, start, end)


def _is_ipv4(body: bytes, start: int, end: int) -> bool:
    """Reject what is a part of more numbers: an object identifier, a version."""
    if body[end : end + 1] != b"." and body[start - 1 : start] != b".":
        return True
    return not (re.match(rb"\.\d", body[end : end + 2]) or re.search(rb"\d\.\Z", body[max(0, start - 2) : start]))


def _is_ipv6(body: bytes, start: int, end: int) -> bool:
    """Reject text that only begins or ends like an address: `std::string`, `::`."""
    around = body[max(0, start - 1) : start] + body[end : end + 1]
    return end - start > len("::") and not re.search(rb"[\w:]", around)


def _is_card(body: bytes, start: int, end: int) -> bool:
    """Accept what passes Luhn's check (ISO/IEC 7812-1, annex B)."""
    digits = [digit - ord("0") for digit in reversed(body[start:end]) if digit not in b" +-"]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[1::2]]  # noqa: PLR2004 - Luhn: 2 x 5 has two digits
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _is_credential(body: bytes, start: int, end: int) -> bool:
    """Reject placeholders, the port of a URL, a working directory, and a `Basic` that is only a word."""
    text, before = body[start:end], body[max(0, start - 64) : start]
    if _NO_SECRET.match(text):
        return False
    if re.search(rb"://[^\s/:@]*:\Z", before):
        return not re.match(rb"\d{1,5}(?:[/?#,]|\Z)", text)
    if before.endswith(b"://"):
        return re.search(rb"[\d_]", text) is not None
    if re.search(rb"(?i:\bpwd)=\Z", before):
        return not text.startswith((b"/", b"~"))
    return not re.search(rb"(?i:\bbasic) +\Z", before) or _is_base64_of_a_pair(text)


def _is_base64_of_a_pair(text: bytes) -> bool:
    try:
        return b":" in base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except ValueError:
        return False


CHECKS: Final[dict[str, Callable[[bytes, int, int], bool]]] = {
    "email": _is_email,
    "ipv4": _is_ipv4,
    "ipv6": _is_ipv6,
    "credit_card": _is_card,
    "credentials": _is_credential,
}
