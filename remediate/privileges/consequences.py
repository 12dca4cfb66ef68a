"""The worst that each permission allows, for the reader of a sudoers file."""

import re
from typing import Final

from remediate.core.program_text import HELPER

_VERBS: Final = {
    "account-hosts": "reads from which hosts the database lets the application's user in",
    "app": "starts the application's code and asks it about itself",
    "artisan": "runs one artisan command of the application: its code, as its own user",
    "cache": "starts the application's code and reads where its cache is",
    "cache-uses": "reads the application's code and names files of it",
    "cache-config": "replaces the application's cached configuration by what its .env says",
    "certificate": "reads one certificate, without its key",
    "certificate-chain": "verifies one certificate chain, against a declared file of authorities",
    "closed-folders": "lists which folders of the application its user cannot write",
    "configuration": "starts the application's code and compares its configuration with .env",
    "deleted-files": "lists deleted files that are still open, with their names, of every user",
    "descendants": "lists what a unit has started, with the arguments",
    "disk-writers": "lists big files that are open for writing on a full disk, with their names, of every user",
    "edit-env": "sets any key of the application's .env to any value",
    "end-idle": "ends idle connections of the application while the database is full",
    "end-processes": "ends any process of that user",
    "end-queries": "ends the application's long queries, and its transactions that block others",
    "end-session": "ends any session that others may wait for, or that writes for long; of backups and the system none",
    "env-value": "tells whether a key of .env has a value that the caller knows",
    "error-tracking": "starts the application's code and reads whether error tracking is configured",
    "errors": "counts the errors in the application's log, by class and place",
    "file-digest": "reads the digest of one file",
    "file-stamp": "reads size and time of one file",
    "first-query": "reads which long query or transaction of the application would be ended first",
    "forget-fallback": "removes the note that the cache is in files",
    "held-logs": "lists deleted logs that nginx, PHP-FPM and supervisor have open",
    "issuances": "lists names and dates of the host's certificates",
    "keep-sample": "copies the end of one log to where there is room: its disk space",
    "list-sessions": "reads what every session of the database does, without literals",
    "log-end": "reads the last lines of one log",
    "log-writers": "lists which processes have which files open: a declared log may be a link to anything",
    "longest-idle": "reads which connection of the application is idle for longest",
    "look-session": "reads what one session of the database does, without literals",
    "nginx-logs": "reads the last lines of nginx's error logs below /var/log/nginx",
    "note-fallback": "writes one file below the application's storage",
    "pools": "asks the pools of PHP-FPM whether they answer",
    "port-owner": "reads which process listens on a declared port",
    "queries": "reads which queries of the application are slow",
    "queue": "starts the application's code and looks into its queues and failed jobs",
    "redis": "starts the application's code and asks its Redis servers about themselves",
    "renew-certificate": "renews one certificate, again and again: an authority may refuse more for a week",
    "reopen-logs": "has one unit open its logs again, as root: they must not stand where the application can write",
    "restore-dump": "restores a backup into a throw-away server: disk space and time",
    "retry-jobs": "runs any failed job of the application again",
    "rows": "counts the rows of the application's tables, which takes time there",
    "several": "asks brief questions that have rules of their own, one after the other: none changes anything",
    "shorten-log": "empties one declared log: what it said is gone, but for a sample",
    "supervisor": "reads supervisor's programs and starts the declared ones, with their logs opened as root",
    "together": "starts the application's code and asks it any of `app`, `cache`, `queue` and `redis`",
    "webhook": "starts the application's code and sends one signed test event to its own webhook",
}
"""The worst by the helper's verb, whatever user it runs as."""

_COMMANDS: Final = (
    (r"systemctl restart (\S+)", r"restarts \1 again and again: its users are cut off each time"),
    (r"systemctl start (\S+)", r"starts \1, also where somebody stopped it on purpose"),
    (r"systemctl (?:reload|try-reload-or-restart) (\S+)", r"has \1 read its configuration again"),
    (r"systemctl reset-failed (\S+)", r"lifts systemd's limit on starts of \1"),
    (r"journalctl --vacuum-size=(\S+)", r"removes the oldest entries of the journal, down to \1"),
    (r"journalctl .*--unit=(\S+)", r"reads the last log lines of \1"),
    (r"nginx -t", "checks nginx's configuration: opens its logs, binds its ports for a moment"),
    (r"php-fpm\S* -t", "checks PHP-FPM's configuration"),
)
"""The worst by a command's words, without the program's directory."""


def worst(user: str, words: tuple[str, ...]) -> str:
    """Return the worst that a person can do with these words as that user."""
    program, *arguments = words
    if program == HELPER:
        what = _VERBS.get(arguments[0], "runs a program of a remedy that is not remediate's own")
        return f"{what} (as {user})"
    text = " ".join((program.rpartition("/")[2], *arguments))
    for pattern, sentence in _COMMANDS:
        if found := re.fullmatch(pattern, text):
            return found.expand(sentence)
    return f"whatever {program} can do as {user} with these words: not reviewed by remediate"
