"""Answers of a staging host's database server."""

from remediate.probes.mysql import Sessions
from remediate.probes.mysql_data import DataDirectory

SESSIONS, DATA = Sessions(), DataDirectory()
CALM = '{"limit": 151, "full": false, "tight": false, "waiting": false}\n'
FORGOTTEN = """{"limit": 151, "full": false, "tight": false, "waiting": true}
{"id": 80, "query": 249, "user": "agency", "database": "agency", "command": "Sleep", "started": 1795444322, \
"blocks": true, "beyond": true, "transaction": true, "modified": true, "reads": false, "statement": ""}
{"id": 81, "query": 250, "user": "agency", "database": "agency", "command": "Query", "started": 1795444317, \
"blocks": false, "beyond": true, "transaction": false, "modified": false, "reads": true, \
"statement": "select sleep(?), `id1`, ?, `we'ird`, ?"}
"""
FULL = """{"limit": 10, "full": true, "tight": true, "waiting": false}
{"user": "agency", "idle": 1, "count": 10}
{"id": 54, "query": 0, "user": "agency", "database": "agency", "command": "Sleep", "started": 1795444151, \
"blocks": false, "beyond": 1, "transaction": false, "modified": false, "reads": false, "statement": ""}
"""
NO_SERVER = "ERROR 2002 (HY000): Can't connect to local server through socket '/run/mysqld/mysqld.sock' (2)\n"
