"""What a secret looks like to somebody who does not know it: an assignment, a private key, a password in a URL.

`Masker` removes values that it knows; this removes what nobody registered. Text from a host may be megabytes of
anything, so every pattern here takes time in proportion to the text: none starts with a repetition, what repeats
reads a character in one way only, and where a match may fail far behind its beginning its length is bounded.
"""

import re
from typing import Final

MASK: Final = "********"
"""What stands where a secret stood; its length says nothing about the secret's."""

_NAMES: Final = (
    r"PASSWORD|PASSWD|PASSPHRASE|_PASS(?![A-Z])|_PWD(?![A-Z])|SECRET|TOKEN|CREDENTIAL|API[_-]?KEY|APP_KEY"
    r"|ACCESS[_-]?KEY|PRIVATE[_-]?KEY|ENCRYPTION_KEY|REDISCLI_AUTH|PGPASS"
)
_NAME: Final = rf"(?:{_NAMES})[A-Z0-9_]{{0,64}}"
_BLOCK_BEGIN: Final = r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
_BLOCK_END: Final = r"-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"

# A quote that stands before one of these closes a string of the JSON document that the text is; it opens no value.
_CLOSES: Final = r"[ \t]*(?:[,:}\]]|$)"

_OPENING: Final = r"(?:(?P<double>\")|(?P<single>')|(?P<once>\\[\"'])|(?P<twice>\\{3}[\"']))"
"""The quote before a value: plain, inside a JSON string, and inside a JSON string that is a value of another."""

_DOUBLE: Final = r"(?:\\[^\n]|[^\"\\\n])+"
_SINGLE: Final = rf"(?:\\[^\n]|[^'\"\\\n]|\"(?!{_CLOSES}))+"
_ONCE: Final = r"(?:\\{3}[\"']|(?!(?P=once))\\[^\n]|[^\"\\\n])+"
_TWICE: Final = r"(?:\\{7}[\"']|(?!(?P=twice))\\[^\n]|[^\"\\\n])+"
_QUOTED: Final = rf"(?(double){_DOUBLE}|(?(single){_SINGLE}|(?(once){_ONCE}|{_TWICE})))"
"""What stands between the quotes. What is quoted there once more has more backslashes; inside a JSON string the plain
quote ends that. The closing quote need not be there: a value that was cut off is masked to its end."""

_BARE: Final = r"[^\s\"'\\&;,<>)}\]][^\s\"'\\&;,<>}\]]*"

_THIRD: Final = r"(?:(?:'[^'\n]*'|[A-Za-z()_\\]{1,60}),[ \t]*){2}"
"""The two arguments before a password in a PHP stack trace."""

_MYSQL: Final = r"(?-i:\b(?:mysql|mariadb)[^\n|;&]{0,200}?[ \t\"']-p)"
"""Only the small letter takes a password: -P is a port."""

_CURL: Final = r"(?-i:\bcurl\b[^\n|;&]{0,200}?[ \t\"'](?:-[A-Za-z]{0,8}[uU]|--(?:proxy-)?user\b))"
"""The small letter is the user of the server, the capital one that of a proxy: both with their passwords."""

_OPTION: Final = rf"--[A-Z0-9-]{{0,40}}?(?:{_NAMES})[A-Z0-9_-]{{0,64}}+"

_MAYBE_QUOTED: Final = (
    rf"{_NAME}[ \t]*[=:][ \t]*|\b(?:requirepass|masterauth)[ \t]+|{_MYSQL}|{_CURL}[ \t]{{0,8}}|{_OPTION}[ \t]{{1,8}}"
)
"""Before a value whose opening quote could also be one that closes a string: then nothing is masked."""

_SURELY_QUOTED: Final = (
    rf"{_NAME}(?:\\{{0,3}}[\"']\]?|\])[ \t]*(?:=>|[:=])[ \t]*"
    r"|\bIDENTIFIED[ \t]+(?:WITH[ \t]+[^\s,;]{1,64}[ \t]+)?(?:BY|AS)[ \t]+(?:PASSWORD[ \t]+)?"
    rf"|(?:PDO(?:->|::)(?:__construct|connect)|createPdoConnection|mysqli(?:->|::|_)(?:__construct|(?:real_)?connect))"
    rf"\({_THIRD}"
    r"|(?:->auth|\bpassword_(?:hash|verify)|\bPASSWORD)\("
)
"""Before a value in quotes: JSON, PHP, SQL and the arguments in PHP's stack traces."""

_KEY: Final = rf"[A-Z0-9_.-]{{0,99}}(?:{_NAMES})[A-Z0-9_-]{{0,64}}"
_NO_ANSWER: Final = r"(?!(?:YES|NO|TRUE|FALSE|NULL|NONE|[0-9]{1,5})(?:[\s,;)}\]\"'\\]|$))"
_LETTERS: Final = r"[A-Za-z._-]"
_PIECE: Final = r"[^\s\"'\\,;|(){}\[\]]"

_DOTENV: Final = r"\b(?:Encountered [a-z ]{1,60}|dotenv file due to [a-z ]{1,60}\. Failed)"

# Each keeps its group 1 and masks the rest of what it matches.
SHAPES: Final = tuple(
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        rf"(?s:(){_BLOCK_BEGIN}.*?(?:{_BLOCK_END}|\Z))",
        rf"^([ \t]*(?:export[ \t]+)?(?:env\[)?[A-Z0-9_]{{0,99}}{_NAME}\]?[ \t]*=[ \t]*)(?!>[ \t])\S.*$",
        rf"((?:{_MAYBE_QUOTED}){_OPENING})(?![,}}\]:\s]|$){_QUOTED}",
        rf"((?:{_SURELY_QUOTED}){_OPENING}){_QUOTED}",
        # In the middle of a line only the value goes.
        rf"({_NAME}(?:[ \t]*=|\][ \t]*=>?)[ \t]*){_BARE}",
        # As in YAML, where a single word is all there is: `token: unexpected end of file` is a sentence.
        rf"^([ \t]*(?:-[ \t]+)?{_KEY}:[ \t]+){_NO_ANSWER}[^\s\"'\\]\S*+(?=[ \t]*(?:#.*)?$)",
        rf"([{{\[(,;|\"'][ \t]*{_KEY}:[ \t]+){_NO_ANSWER}{_PIECE}++(?=[ \t]*(?:[,;|)}}\]\"'\\]|$))",
        # In a sentence only what is no word of it.
        rf"({_NAME}:[ \t]+)(?={_LETTERS}*+[0-9!@#$%^*+=~?])(?={_PIECE}{{6}}){_PIECE}++",
        rf"(\b(?:requirepass|masterauth)[ \t]+)(?!(?:is|was|has|must|should|not|and|or|directive|option)\b){_BARE}",
        rf"({_MYSQL})(?![0-9]{{1,5}}:[0-9])[^\s\"'\\,;|&]+",
        rf"({_CURL}[ \t\"',]{{0,8}}[^\s\"'\\,;|&:]{{0,64}}:)[^\s\"'\\,;|&]+",
        rf"({_OPTION}[ \t\"',]{{1,8}})(?!-){_BARE}",
        r"((?-i:\b(?:sshpass[ \t\"',]+-p|redis-cli\b[^\n|;&]{0,200}?[ \t\"']-a)[ \t\"',]+))[^\s\"'\\,;|&]+",
        r"(authorization[\"']?[ \t]*[:=][ \t]*[\"']?(?:(?:bearer|basic|digest|token|apikey)[ \t]+)?)[^\s\"',]+",
        r"(\bbearer[ \t]+)[A-Za-z0-9._~+/-]{8,}=*",
        r"(:\\?/\\?/[^\s/@:\"'<>\\]*:)[^\s/\"'<>]+(?=@)",
        # With a slash in the password; what looks like a port is one.
        r"(:\\?/\\?/[^\s/@:\"'<>\\\[]*:)(?![0-9]{1,5}(?:[/?#\\\s\"'<>]|$))(?:(?!://)[^\s\"'<>@]){1,256}(?=@)",
        r"()(?-i:\b(?:[sr]k_(?:live|test)_|whsec_|gh[opsu]_|github_pat_|glpat-|xox[abprs]-)[A-Za-z0-9_+/=-]{8,})",
        r"()(?-i:\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+){0,2})",
        # What phpdotenv says of a line that it cannot read.
        rf"({_DOTENV} at \[)(?:\\[^\n]|[^\]\"\\\n]|\"(?!{_CLOSES})|\](?!\.|\"|$))+",
    )
)

_OPENS: Final = re.compile(
    rf"(?:{_NAMES})|authorization|bearer|:\\?/\\?/|-----BEGIN|IDENTIFIED|requirepass|masterauth|mysql|mariadb"
    r"|redis-cli|sshpass|curl|PDO|->auth|Encountered|dotenv file"
    r"|[rs]k_(?:live|test)_|whsec_|gh[opsu]_|github_pat_|glpat-|xox[abprs]-"
    r"|eyJ",
    re.IGNORECASE,
)
_BLOCK_BEGINS: Final = re.compile(_BLOCK_BEGIN)
_BLOCK_ENDS: Final = re.compile(_BLOCK_END)


def opens(text: str) -> bool:
    """Return whether anything in `text` could be, or become, a part of what is masked by its shape."""
    return _OPENS.search(text) is not None


def mask_shapes(text: str) -> str:
    """Return `text` with everything of a secret's shape replaced by `MASK`."""
    if opens(text):
        for shape in SHAPES:
            text = shape.sub(_masked, text)
    return text


def _masked(found: re.Match[str]) -> str:
    return f"{found[1]}{MASK}"


def after_block(text: str) -> str | None:
    """Return what follows the end of a private key, None where `text` holds no end of one."""
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
