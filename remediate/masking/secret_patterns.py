"""Patterns of unregistered secrets: an assignment, a private key, a password in a URL.

`Masker` removes the values that it knows; these patterns remove secrets that nobody registered. Text from a host may
be megabytes of anything, so every pattern takes time in proportion to the text. None starts with a repetition. A
repetition can read each character in one way only. If a match may fail far behind its beginning, its length is bounded.
"""

import re
from functools import cache, lru_cache
from typing import Final

MASK: Final = "********"
"""The replacement of a secret. Its length says nothing about the secret's."""

_NAMES: Final = (
    r"PASSWORD|PASSWD|PASSPHRASE|_PASS(?![A-Z])|_PWD(?![A-Z])|_PW(?![A-Z])|SECRET|TOKEN|CREDENTIAL|API[_-]?KEY|APP_KEY"
    r"|ACCESS[_-]?KEY|PRIVATE[_-]?KEY|ENCRYPTION_KEY|REDISCLI_AUTH|PGPASS"
)
_NAME: Final = rf"(?:{_NAMES})[A-Z0-9_]{{0,64}}"
_BLOCK_BEGIN: Final = r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
_BLOCK_END: Final = r"-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"

# A quote before one of these closes a string of a JSON document, and does not open a value.
_CLOSES: Final = r"[ \t]*(?:[,:}\]]|$)"

_OPENING: Final = r"(?:(?P<double>\")|(?P<single>')|(?P<once>\\[\"'])|(?P<twice>\\{3}[\"']))"
"""The quote before a value: plain, or inside one JSON string or two nested ones."""

_DOUBLE: Final = r"(?:\\[^\n]|[^\"\\\n])+"
_SINGLE: Final = rf"(?:\\[^\n]|[^'\"\\\n]|\"(?!{_CLOSES}))+"
_ONCE: Final = r"(?:\\{3}[\"']|(?!(?P=once))\\[^\n]|[^\"\\\n])+"
_TWICE: Final = r"(?:\\{7}[\"']|(?!(?P=twice))\\[^\n]|[^\"\\\n])+"
_QUOTED: Final = rf"(?(double){_DOUBLE}|(?(single){_SINGLE}|(?(once){_ONCE}|{_TWICE})))"
"""The text between the quotes.

Text that is quoted once more has more backslashes; inside a JSON string the plain quote ends that. The closing quote
may be missing: a truncated value is masked to its end.
"""

_BARE: Final = r"[^\s\"'\\&;,<>)}\]][^\s\"'\\&;,<>}\]]*"

_THIRD: Final = r"(?:(?:'[^'\n]*'|[A-Za-z()_\\]{1,60}),[ \t]*){2}"
"""The two arguments before a password in a PHP stack trace."""

_MYSQL: Final = r"(?-i:\b(?:mysql|mariadb)[^\n|;&]{0,200}?[ \t\"']-p)"
"""MySQL's option for a password. Only the small letter is one: -P is a port."""

_CURL: Final = r"(?-i:\bcurl\b[^\n|;&]{0,200}?[ \t\"'](?:-[A-Za-z]{0,8}[uU]|--(?:proxy-)?user\b))"
"""curl's options for a user and password. The small letter is for the server, the capital one for a proxy."""

_OPTION: Final = rf"--[A-Z0-9-]{{0,40}}?(?:{_NAMES})[A-Z0-9_-]{{0,64}}+"

_SHORT: Final = r"(?<![A-Z0-9])(?:pass|pwd)"
"""Short names. Ordinary lines have them, too (`PWD=/home`, `pass: 3`), so only values in a secret's form are masked."""

_SLASH: Final = r"\\{0,3}/"
_WEBHOOK: Final = (
    rf"(?:hooks\.slack(?:-gov)?\.com{_SLASH}(?:services|workflows|triggers)"
    rf"|discord(?:app)?\.com{_SLASH}api{_SLASH}(?:v[0-9]{{1,2}}{_SLASH})?webhooks"
    rf"|\.webhook\.office\.com{_SLASH}webhookb2|outlook\.office(?:365)?\.com{_SLASH}webhook){_SLASH}"
)
"""Addresses that contain their own key: everyone who knows one may post there."""

_KEYS: Final = (
    r"[sr]k_(?:live|test)_|whsec_|gh[oprsu]_|github_pat_|glpat-|glsa_|xox[abeprs]-|xapp-|sk-(?:ant-|proj-)?(?=[A-Za-z0-9_-]{16})"
    r"|npm_|pypi-(?=[A-Za-z0-9_-]{16})|shp(?:at|ca|ss)_|dop_v1_|hf_(?=[A-Za-z0-9]{20})|xkeysib-|GOCSPX-|sntrys_|lin_api_|ya29\."
    r"|SG\.(?=[A-Za-z0-9_-]{16})|AIza(?=[A-Za-z0-9_-]{30})|key-(?=[0-9a-f]{32})|SK(?=[0-9a-f]{32})"
)
"""Beginnings of the keys of well-known services."""

_SIGNED: Final = r"(?:signature|sig|hmac|x-(?:amz|goog)-(?:signature|credential|security-token))="

_ELEMENT: Final = (
    rf"<(?:[A-Z0-9_.:-]{{0,60}}(?:{_NAMES})[A-Z0-9_.:-]{{0,64}}|pass|pwd)(?:[ \t][^<>\n]{{0,200}})?>(?:<!\[CDATA\[)?"
)
"""The beginning of an XML element whose text is a secret."""

_SESSION: Final = r"(?:_session|PHPSESSID|JSESSIONID|connect\.sid|session_?id|remember_[a-z0-9_]{1,80})"

_ASSIGNED: Final = (
    r"(?-i:\b(?:[A-Z0-9]{1,40}_){0,8}"
    r"(?:PASSWORD|PASSWD|(?<=_)(?:PASS|PWD|PW)|SECRET|TOKEN|API_?KEY|APP_KEY|ACCESS_KEY|PRIVATE_KEY|ENCRYPTION_KEY)(?:_[A-Z0-9_]{1,40})?)"
    r"(?:[ \t]*=[ \t]*|\][ \t]*=>?[ \t]*)"
)
"""An assignment of .env or of an FPM pool inside a line. Its value may have several words."""

_MORE_WORDS: Final = r"(?:[ \t]+(?![-|&<>=\[{(#]|[^\s=]{0,64}=)[^\s\"'\\,;|&<>)}\]]+)*+"

_LOGIN: Final = (
    r"(?:->authenticate|->login|->withBasicAuth|\b(?:ldap_bind|ftp_login|ssh2_auth_password))"
    r"\((?:[A-Za-z][A-Za-z0-9()_\\ #]{0,80},[ \t]*)?'[^'\n]{0,200}',[ \t]*"
)
"""A call in a PHP stack trace with a name, and the password after it."""

_MAYBE_QUOTED: Final = (
    rf"{_NAME}[ \t]*[=:][ \t]*|\b(?:requirepass|masterauth)[ \t]+|{_MYSQL}|{_CURL}[ \t]{{0,8}}|{_OPTION}[ \t]{{1,8}}"
)
"""The text before a value whose opening quote may instead close a string. Then nothing is masked."""

_SURELY_QUOTED: Final = (
    rf"{_NAME}(?:\\{{0,3}}[\"']\]?|\])[ \t]*(?:=>|[:=])[ \t]*"
    r"|\bIDENTIFIED[ \t]+(?:WITH[ \t]+[^\s,;]{1,64}[ \t]+)?(?:BY|AS)[ \t]+(?:PASSWORD[ \t]+)?"
    rf"|(?:PDO(?:->|::)(?:__construct|connect)|createPdoConnection|mysqli(?:->|::|_)(?:__construct|(?:real_)?connect))"
    rf"\({_THIRD}|\b(?:imap_open|mysql_p?connect)\({_THIRD}|{_LOGIN}"
    r"|(?:->auth|->setPassword|\bpassword_(?:hash|verify)|\bPASSWORD)\("
    rf"|\bdefine\([ \t]*[\"'](?:[A-Z0-9_]{{0,99}}{_NAME}"
    r"|(?:SECURE_)?(?:AUTH|LOGGED_IN|NONCE)_(?:KEY|SALT))[\"'][ \t]*,[ \t]*"
)
"""The text before a quoted value in JSON, PHP, SQL and PHP's stack traces."""

_KEY: Final = rf"[A-Z0-9_.-]{{0,99}}(?:{_NAMES})[A-Z0-9_-]{{0,64}}"
_NO_ANSWER: Final = r"(?!(?:YES|NO|TRUE|FALSE|NULL|NONE|[0-9]{1,5})(?:[\s,;)}\]\"'\\]|$))"
_LETTERS: Final = r"[A-Za-z._-]"
_PIECE: Final = r"[^\s\"'\\,;|(){}\[\]]"

_DOTENV: Final = r"\b(?:Encountered [a-z ]{1,60}|dotenv file due to [a-z ]{1,60}\. Failed)"

# Each pattern keeps its group 1 and masks the rest of its match.
_SHAPES: Final = (
    rf"(?s:(){_BLOCK_BEGIN}.*?(?:{_BLOCK_END}|\Z))",
    rf"^([ \t]*(?:export[ \t]+)?(?:env\[)?[A-Z0-9_]{{0,99}}{_NAME}\]?[ \t]*=[ \t]*)(?!>[ \t])\S.*$",
    rf"((?:{_MAYBE_QUOTED}){_OPENING})(?![,}}\]:\s]|$){_QUOTED}",
    rf"((?:{_SURELY_QUOTED}){_OPENING}){_QUOTED}",
    rf"({_SHORT}(?:\\{{0,3}}[\"']\]?|\])?[ \t]*(?:=>|[:=])[ \t]*{_OPENING})(?![,}}\]:\s/]|$){_QUOTED}",
    rf"({_SHORT}\]?[ \t]*=>?[ \t]*)(?![/$>*]){_NO_ANSWER}{_BARE}",
    rf"^([ \t]*(?:-[ \t]+)?(?-i:pass|pwd):[ \t]+)(?!/){_NO_ANSWER}[^\s\"'\\]\S*+(?=[ \t]*(?:#.*)?$)",
    rf"({_ELEMENT})(?![<*])(?:[^<\n]{{1,500}}(?=<)|[^<\"'\\\n]+)",
    rf"({_WEBHOOK})[A-Za-z0-9_@=.-]+(?:{_SLASH}[A-Za-z0-9_@=.-]+)*+",
    rf"(api\.telegram\.org{_SLASH}(?:file{_SLASH})?bot)[A-Za-z0-9_:-]+",
    rf"({_SLASH}hooks{_SLASH})(?=[A-Za-z]{{0,60}}[0-9])[A-Za-z0-9]{{17,64}}(?:{_SLASH}[A-Za-z0-9]{{17,99}})?(?![A-Za-z0-9])",
    rf"([?&;]{_SIGNED})[^\s&\"'<>\\#)]+",
    rf"({_SESSION}[\"']?[ \t]*(?:=>?|:)[ \t]*[\"']?)[A-Za-z0-9%_.+/:=-]{{16,}}",
    r"(\b(?:set-)?cookie[\"']?[ \t]*:[ \t]*[\"']?[A-Za-z0-9_.-]{1,100}=)[^\r\n\"'\\]{6,}",
    r"(\blogin[ \t]+[^\s\"']{1,200}\s{1,8}password[ \t]+)[^\s\"'\\]+",
    r"((?<![A-Z])_?auth(?:\\{0,3}[\"'][ \t]*:[ \t]*\\{0,3}[\"']))[A-Za-z0-9+/]{8,}={0,2}",
    r"(\b_auth[ \t]*=[ \t]*)[A-Za-z0-9+/]{4,}={0,2}",
    rf"(:{_SLASH}{_SLASH})[A-Za-z0-9_-]{{32,256}}(?=@)",
    r"()(?-i:\b[0-9a-f]{32}-us[0-9]{1,2}\b)",
    rf"({_ASSIGNED}){_BARE}{_MORE_WORDS}",
    # Inside a line, only the value is masked.
    rf"({_NAME}(?:[ \t]*=|\][ \t]*=>?)[ \t]*){_BARE}",
    # This is YAML with a single word as its value: `token: unexpected end of file` is a sentence.
    rf"^([ \t]*(?:-[ \t]+)?{_KEY}:[ \t]+){_NO_ANSWER}[^\s\"'\\]\S*+(?=[ \t]*(?:#.*)?$)",
    rf"([{{\[(,;|\"'][ \t]*{_KEY}:[ \t]+){_NO_ANSWER}{_PIECE}++(?=[ \t]*(?:[,;|)}}\]\"'\\]|$))",
    # In a sentence, only text that is not a word is masked.
    rf"((?:{_NAME}|(?-i:\bpass)):[ \t]+)(?!/)(?={_LETTERS}*+[0-9!@#$%^*+=~?])(?={_PIECE}{{6}}){_PIECE}++",
    rf"(\b(?:requirepass|masterauth)[ \t]+)(?!(?:is|was|has|must|should|not|and|or|directive|option)\b){_BARE}",
    rf"({_MYSQL})(?![0-9]{{1,5}}:[0-9])[^\s\"'\\,;|&]+",
    rf"({_CURL}[ \t\"',]{{0,8}}[^\s\"'\\,;|&:]{{0,64}}:)[^\s\"'\\,;|&]+",
    rf"({_OPTION}[ \t\"',]{{1,8}})(?!-){_BARE}",
    r"((?-i:\b(?:sshpass[ \t\"',]+-p|redis-cli\b[^\n|;&]{0,200}?[ \t\"']-a)[ \t\"',]+))[^\s\"'\\,;|&]+",
    r"(authorization[\"']?[ \t]*[:=][ \t]*[\"']?(?:(?:bearer|basic|digest|token|apikey)[ \t]+)?)[^\s\"',]+",
    r"(\bbearer[ \t]+)[A-Za-z0-9._~+/-]{8,}=*",
    r"(:\\?/\\?/[^\s/@:\"'<>\\]*:)[^\s/\"'<>]+(?=@)",
    # The password may contain a slash; a number like a port is one.
    r"(:\\?/\\?/[^\s/@:\"'<>\\\[]*:)(?![0-9]{1,5}(?:[/?#\\\s\"'<>]|$))(?:(?!://)[^\s\"'<>@]){1,256}(?=@)",
    rf"()(?-i:\b(?:{_KEYS})[A-Za-z0-9_+/=-]{{8,}}(?:\.[A-Za-z0-9_-]+)*+)",
    r"()(?-i:\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+){0,2})",
    # This is phpdotenv's message about a line that it cannot parse.
    rf"({_DOTENV} at \[)(?:\\[^\n]|[^\]\"\\\n]|\"(?!{_CLOSES})|\](?!\.|\"|$))+",
)

_OPENS: Final = re.compile(
    rf"(?:{_NAMES})|authorization|bearer|:\\?/\\?/|-----BEGIN|IDENTIFIED|requirepass|masterauth|mysql|mariadb"
    r"|redis-cli|sshpass|curl|PDO|->auth|Encountered|dotenv file"
    rf"|{_KEYS}|{_SHORT}|_session|sessid|session_?id|connect\.sid|remember_|cookie|[?&;]{_SIGNED}|auth|{_SLASH}hooks"
    r"|eyJ|-----END|<pass|<pwd|ldap_bind|ftp_login|imap_open|ssh2_auth|->login|define\(|\.office|discord|telegram"
    r"|-us[0-9]",
    re.IGNORECASE,
)
_BLOCK_BEGINS: Final = re.compile(_BLOCK_BEGIN)
_BLOCK_ENDS: Final = re.compile(_BLOCK_END)
_KEY_LINE: Final = 16
"""The least characters of a line of a key, except its last one."""
_LINES: Final = re.compile(r"([^\n\\]*)(\n|(?:\\{1,4}r)?\\{1,4}n|\\|\Z)")
_REMEMBERED: Final = 1000
"""The most characters of a text whose masked form is remembered."""
_BASE64: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\r"


@cache
def shapes() -> tuple[re.Pattern[str], ...]:
    """Return the compiled patterns. Compiling takes as long as all the rest of a usage error."""
    return tuple(re.compile(pattern, re.IGNORECASE | re.MULTILINE) for pattern in _SHAPES)


def opens(text: str) -> bool:
    """Return whether `text` may contain, or become, part of a match of the patterns."""
    return _OPENS.search(text) is not None


def mask_shapes(text: str) -> str:
    """Return `text` with `MASK` for everything that looks like a secret."""
    return _mask_shapes(text) if len(text) > _REMEMBERED else _remembered(text)


@lru_cache(maxsize=1024)
def _remembered(text: str) -> str:
    """Return the masked text. A run masks each of its few texts for the screen, the report and the journal."""
    return _mask_shapes(text)


def _mask_shapes(text: str) -> str:
    if opens(text):
        for shape in shapes():
            text = shape.sub(_masked, text)
        text = _without_tails(text)
    return text


def _without_tails(text: str) -> str:
    """Mask the end of a private key without a beginning: base64 lines before its last."""
    parts, end = [], 0
    for found in _BLOCK_ENDS.finditer(text):
        begin = found.start()
        lines = [line for line in _LINES.findall(text, end, begin) if any(line)]
        for place, (line, after) in enumerate(reversed(lines), 1):
            encoded = line[len(line.rstrip(_BASE64)) :]
            # The last line of a key is short. The first one may be short, too, if the text was cut there.
            if after == "\\" or len(encoded) < (2 if place in {1, len(lines)} and encoded == line else _KEY_LINE):
                break
            begin -= len(encoded) + len(after)
            if encoded != line:
                break
        parts += [text[end:begin], MASK]
        end = found.end()
    return "".join(parts) + text[end:]


def _masked(found: re.Match[str]) -> str:
    return f"{found[1]}{MASK}"


def after_block(text: str) -> str | None:
    """Return the text after the end of a private key, None without such an end."""
    end = _BLOCK_ENDS.search(text)
    return None if end is None else text[end.end() :]


def leaves_block_open(text: str) -> bool:
    """Return whether a private key begins in `text` and does not end there."""
    begin = _BLOCK_BEGINS.search(text)
    while begin is not None:
        end = _BLOCK_ENDS.search(text, begin.end())
        if end is None:
            return True
        begin = _BLOCK_BEGINS.search(text, end.end())
    return False
