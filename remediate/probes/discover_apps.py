"""The Laravel applications of a host, and what their files say about them."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.field_types import AbsolutePath, FrozenModel
from remediate.probes.discovery import Discovered, Discovery

ENV_KEYS: Final = (
    *("APP_URL", "DB_CONNECTION", "DB_HOST", "DB_PORT", "DB_USERNAME", "REDIS_HOST", "REDIS_PORT"),
    *("QUEUE_CONNECTION", "CACHE_DRIVER", "CACHE_STORE", "SESSION_DRIVER"),
)
"""The only keys of .env that leave the host: none of them holds a secret."""
_ROUTES: Final = "health|healthz|health-check|healthcheck|status|up|ping"
_PROGRAM: Final = r"""
keys=$1 routes=$2; shift 2
seen='
'
look() {
  [ ! -d "$1" ] || [ -x "$1" ] || echo "closed $1"
  [ -f "$1/artisan" ] || return 0
  case $1 in *'
'*) return 0 ;; esac
  real=$(cd -P -- "$1" 2>/dev/null && pwd) || real=$1
  case $seen in *"
$real
"*) return 0 ;; esac
  seen="$seen$real
"
  echo "app $1"
  echo "real $real"
  echo "owner $(stat -c %U -- "$1/artisan" 2>/dev/null)"
  if [ -r "$1/.env" ]; then grep -E "^($keys)=" "$1/.env" | head -n 40 | sed 's/^/env /'
  elif [ -x "$1" ] && [ ! -e "$1/.env" ]; then echo "env-none"
  else echo "env-closed"; fi
  grep -hsoE "health: *['\"]/[A-Za-z0-9/_-]+['\"]" "$1/bootstrap/app.php" | sed "s/^[^'\"]*/route /"
  grep -hsoE "['\"]/?($routes)['\"]" "$1"/routes/*.php | sed 's/^/route /'
  for log in "$1"/storage/logs/laravel.log; do [ ! -f "$log" ] || echo "log $log"; done
}
for each in "$@"; do look "$each"; done
for each in /var/www /var/www/* /var/www/*/* /srv/* /srv/*/* /home/*/* /home/*/*/* /opt/* /opt/*/*; do
  case $each in */releases/*) ;; *) look "$each" ;; esac
done
for each in /var/www /var/www/* /srv /srv/* /home /home/* /home/*/* /opt /opt/*; do
  [ ! -d "$each" ] || [ -r "$each" ] || echo "closed $each"
done
true
"""


class LaravelApp(FrozenModel):
    """One application: its directory, and what the login may read of its settings."""

    path: str = Field(description="directory that holds artisan, as it was found")
    real: str = Field(description="the same without symbolic links")
    owner: str = Field(default="", description="owner of the file artisan; empty where unknown")
    env: tuple[tuple[str, str], ...] | None = Field(
        default=None, description="the harmless keys of .env with their values; None if it is not read"
    )
    env_closed: bool = Field(default=False, description="whether the login may not read .env")
    routes: tuple[str, ...] = Field(default=(), description="paths in its routes that sound like a health check")
    logs: tuple[str, ...] = Field(default=(), description="log files of the application")

    @property
    def paths(self) -> tuple[str, ...]:
        """Both names of its directory."""
        return tuple(dict.fromkeys((self.path, self.real)))

    def says(self, key: str) -> str:
        """Return the value of a key in .env; empty without one, or if it depends on another."""
        value = dict(self.env or ()).get(key, "")
        return "" if "${" in value else value


class LaravelAppList(Discovered):
    """The applications that were found, and where none could be looked for."""

    apps: tuple[LaravelApp, ...]

    @property
    @override
    def unreadable(self) -> tuple[str, ...]:
        return (*(f"{each.path}/.env" for each in self.apps if each.env_closed), *self.closed)

    @override
    def describe(self) -> str:
        return ", ".join(each.path for each in self.apps) or "no Laravel application"


class DiscoverApps(Discovery[LaravelAppList]):
    """Look for Laravel applications in the usual directories."""

    kind: Literal["laravel.discover"] = "laravel.discover"
    subject = "applications"
    program = _PROGRAM
    also: tuple[AbsolutePath, ...] = Field(default=(), description="further directories to look in, first")

    @override
    def arguments(self) -> Sequence[str]:
        return ("|".join(ENV_KEYS), _ROUTES, *self.also)

    @override
    def found(self, lines: Sequence[str], closed: tuple[str, ...]) -> LaravelAppList:
        found: list[dict[str, list[str]]] = []
        for line in lines:
            word, _, rest = line.partition(" ")
            if word == "app":
                found.append({"app": [rest]})
            elif found:
                found[-1].setdefault(word, []).append(rest)
        return LaravelAppList(apps=tuple(map(_app, found)), closed=closed)


def _app(told: Mapping[str, list[str]]) -> LaravelApp:
    path = told["app"][0]
    readable = "env-closed" not in told and "env-none" not in told
    routes = (f"/{each.strip(_QUOTES).lstrip('/')}" for each in told.get("route", ()))
    return LaravelApp(
        path=path,
        real=next(iter(told.get("real", ())), "") or path,
        owner=next(iter(told.get("owner", ())), ""),
        env=tuple(_pair(each) for each in told.get("env", ())) if readable else None,
        env_closed="env-closed" in told,
        routes=tuple(dict.fromkeys(routes)),
        logs=tuple(told.get("log", ())),
    )


_QUOTES: Final = "'\""
_PAIR: Final = re.compile(r"""(?P<key>[A-Z_]+)=\s*(?P<quote>["']?)(?P<value>.*?)(?P=quote)(?:\s+#.*)?\s*""")


def _pair(line: str) -> tuple[str, str]:
    """Return a key and its value, without quotes and comment."""
    found = _PAIR.fullmatch(line)
    return (found["key"], found["value"]) if found else (line.partition("=")[0], "")
