"""Rendering of host output about the database, Redis and the application's access to them."""

import json
from typing import Final

from remediate.core.command import Output
from remediate.core.probe import Fact
from remediate.probes.cache import CacheState, CacheUses
from remediate.probes.laravel import CredentialsState, DatabaseState, DatabaseTrouble
from remediate.probes.mysql import IdleState, SessionsState
from remediate.probes.mysql_accounts import AccountState
from remediate.probes.mysql_data import DataRoom
from remediate.probes.mysql_session import SessionState
from remediate.probes.php import MARKER
from remediate.probes.redis import ContentState, RedisState
from remediate.probes.stores import Trouble

_DATABASE_ERRORS: Final = {
    DatabaseTrouble.REFUSED: 2002,
    DatabaseTrouble.SILENT: 2006,
    DatabaseTrouble.NAME: 2002,
    DatabaseTrouble.DENIED: 1045,
    DatabaseTrouble.NOT_ALLOWED: 1130,
    DatabaseTrouble.FORBIDDEN: 1044,
    DatabaseTrouble.UNKNOWN_DATABASE: 1049,
    DatabaseTrouble.TOO_MANY: 1040,
    DatabaseTrouble.READ_ONLY: 1290,
    DatabaseTrouble.OTHER: 1205,
}
_NETWORK: Final = {
    DatabaseTrouble.REFUSED: "refused",
    DatabaseTrouble.SILENT: "open",
    DatabaseTrouble.NAME: "name",
}
_REDIS_STATES: Final = {
    None: "ok",
    Trouble.REFUSED: "refused",
    Trouble.NAME: "name",
    Trouble.TIMEOUT: "timeout",
    Trouble.LOST: "lost",
    Trouble.DENIED: "wrongpass",
    Trouble.FORBIDDEN: "noperm",
    Trouble.LOADING: "loading",
    Trouble.MEMORY: "oom",
    Trouble.REPLICA: "readonly",
    Trouble.UNSAVED: "misconf",
    Trouble.CLIENTS: "maxclients",
    Trouble.BUSY: "busy",
    Trouble.NO_DATABASE: "database",
    Trouble.OTHER: "other",
}


def of_stores(fact: Fact) -> Output | None:
    """Render a fact of these probes; return None for any other."""
    answer: object
    match fact:
        case SessionsState():
            return _sessions(fact)
        case IdleState():
            return Output(stdout="" if fact.id is None else f"{fact.id}\t249\n")
        case SessionState():
            rows = [{"ending": True}] if fact.ending else [fact.session.model_dump(mode="json")] if fact.session else []
            return Output(stdout="".join(f"{json.dumps(row)}\n" for row in rows))
        case AccountState():
            return Output(stdout="".join(f"{host}\n" for host in fact.hosts))
        case DataRoom():
            return _room(fact)
        case RedisState() | ContentState() | CacheState():
            answer = _redis(fact)
        case CacheUses():
            answer = fact.model_dump()
        case DatabaseState():
            answer = _database(fact)
        case CredentialsState():
            answer = _credentials(fact)
        case _:
            return None
    return Output(stdout=f"\n{MARKER}{json.dumps(answer)}\n")


def _credentials(fact: CredentialsState) -> dict[str, object]:
    if fact.answer is None:
        return {"env": fact.env}
    return {"env": fact.env, "keys": {name: how.value for name, how in fact.settings}, **_database(fact.answer)}


def _database(fact: DatabaseState) -> dict[str, object]:
    place = {"driver": "mysql", "host": fact.host, "database": "app", "username": fact.user, "from": fact.seen_from}
    if fact.trouble is None:
        return {**place, "state": "ok", "waiting": fact.waiting}
    if fact.trouble is DatabaseTrouble.UNCONFIGURED:
        return {**place, "state": "unconfigured"}
    network = {"network": _NETWORK[fact.trouble]} if fact.trouble in _NETWORK else {}
    return {**place, "state": "failed", "code": _DATABASE_ERRORS[fact.trouble], **network}


def _sessions(fact: SessionsState) -> Output:
    if not fact.up:
        return Output(stderr="ERROR 2002 (HY000): Can't connect to local server through socket (2)\n", exit=1)
    server = fact.model_dump(mode="json", include={"limit", "full", "tight", "waiting", "undoing"})
    rows = [row.model_dump(mode="json") for row in (*fact.holders, *fact.sessions)]
    return Output(stdout="".join(f"{json.dumps(row)}\n" for row in (server, *rows)))


def _room(fact: DataRoom) -> Output:
    table = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 1000 0 0 {}% /\n"
    options = "rw,relatime" if fact.writable else "ro,relatime"
    return Output(stdout=f"{options}\n--\n{table.format(fact.percent)}--\n{table.format(fact.inodes)}")


def _redis(fact: RedisState | ContentState | CacheState) -> object:
    match fact:
        case RedisState():
            links = [
                {**link.model_dump(exclude={"trouble"}), "state": _REDIS_STATES[link.trouble]} for link in fact.links
            ]
            return {"stores": fact.model_dump(mode="json")["stores"], "links": links}
        case ContentState():
            return {"stores": [], "links": [each.model_dump(exclude_none=True) for each in fact.contents]}
        case _:
            return fact.model_dump()
