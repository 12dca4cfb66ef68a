"""Secrets that are common words, and are masked only where they are a value.

`do.env.set` treats each value as a secret, also in `CACHE_STORE=redis` or `APP_ENV=production`. If such a word were
masked everywhere, reports would be unreadable and nothing would be hidden. The list is closed, so that no real secret
is ever masked less: a short or simple value that is not on it is masked everywhere.
"""

import re
from collections.abc import Iterable
from typing import Final

_TEXT: Final = """
active address algorithm apache array auto away back backup before blackhole body cache caching cause certificate
cluster code command config connection controller cookie customer daemon daily database debug decision default
describe development disk docker domain down dynamodb emergency empty enabled error errorlog exit failed failover
false file files fixed group health healthy high host hosts http https inactive incident info interrupted label
local localhost lock mailgun mailhog mailpit main mariadb master memcached memory message mixed mode monthly mysql
name network nginx none normal note notice null number octane operator output param params path pending pgsql
phpredis playbook port postgres postmark predis probe proceed process prod production proven public pusher queue
rabbitmq read redis refuse refused reject remedy report request resend restart reverb run running runs sandbox
schema seconds sendmail server service session single site skip sqlite sqlsrv stack staging started state status
stderr stdout step steps store supervisor sync syslog system table test testing time title touched true unit unknown
unreachable user utf8 utf8mb4 value verdict verified version wait warning weekly worker write
"""
_WORDS: Final = frozenset(_TEXT.split())
_YEAR_OR_PORT: Final = re.compile(r"(?:19|20)[0-9]{2}|3000|3306|4444|5432|5672|6001|6379|8000|8080|8443|9000|11211")


def is_common(value: str) -> bool:
    """Return whether a value is a common word, year or port."""
    return value.strip().lower() in _WORDS or _YEAR_OR_PORT.fullmatch(value.strip()) is not None


def as_values(words: Iterable[str]) -> re.Pattern[str] | None:
    """Return a pattern for these words, None without words.

    It matches a word that is a whole text, or the value of an assignment in capitals.
    """
    said = "|".join(sorted({re.escape(word.strip()) for word in words}, key=lambda word: (-len(word), word)))
    if not said:
        return None
    return re.compile(
        rf"(?:(\A[ \t]*[\"']?)(?=(?:{said})[\"']?\s*\Z)|(\b[A-Z][A-Z0-9_]{{0,99}}=[\"']?))(?:{said})(?![A-Za-z0-9_.-])"
    )
