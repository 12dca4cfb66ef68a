"""Commands that read, sample and shorten logs, and find the processes that write big files."""

from typing import Final

from remediate.core.command import ROOT, Run
from remediate.programs.run import run_shell

SAMPLE_BYTES: Final = 1024 * 1024
"""Bytes of a log's end that are kept before the log is shortened."""


def log_end(path: str, *, lines: int) -> Run:
    """Return the command that prints the last lines of a log that only root reads."""
    return Run.of("/usr/bin/tail", "-n", user=ROOT, seconds=5).helped("log-end", str(lines), path)


def keep_sample(path: str, user: str) -> Run:
    """Return the command that saves the last MiB of a file.

    The copy is named `remediate-sample-NAME.*`, and only `user` can read it. It is in the user's home, or in /var/tmp
    or /dev/shm if the home has no room. If no place has room, the command fails, and the log must not be shortened.
    """
    return run_shell("keep_sample", path, str(SAMPLE_BYTES), user=user, seconds=30)


def shorten(path: str, user: str) -> Run:
    """Return the command that empties a file, but never the target of a symbolic link.

    truncate(1) follows links. dd opens with O_NOFOLLOW, creates nothing, and truncates the file that it opened.
    """
    words = ("/usr/bin/dd", "if=/dev/null", "oflag=nofollow", "conv=nocreat", "status=none")
    return Run.of(*words, user=user, seconds=15).helped("shorten-log", f"of={path}")


def disk_writers(limit: int, user: str) -> Run:
    """Return the command that lists processes with big files open for writing on full disks.

    A file system is full if `limit` percent of it are used.
    """
    return run_shell("disk_writers", str(limit), user=user, seconds=15)


def nginx_logs(*, lines: int, user: str) -> Run:
    """Return the command that prints the last lines of nginx's error logs, newest log first."""
    return run_shell("nginx_logs", str(lines), user=user, seconds=5)
