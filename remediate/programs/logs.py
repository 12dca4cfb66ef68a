"""Commands that read the end of a log, keep it, and shorten the log."""

from typing import Final

from remediate.core.command import ROOT, Run
from remediate.programs.run import run_shell

SAMPLE_BYTES: Final = 1024 * 1024
"""Kept of a log's end before it is shortened."""


def log_end(path: str, *, lines: int) -> Run:
    """Return the command that prints the last lines of a log that only root may read."""
    return Run.of("/usr/bin/tail", "-n", user=ROOT, seconds=5).helped("log-end", str(lines), path)


def keep_sample(path: str, user: str) -> Run:
    """Return the command that keeps a file's last MiB as `remediate-sample-NAME.*`, for that user alone.

    In the user's home, or where that has no room in /var/tmp or /dev/shm; when no place has, it fails and nothing may
    be shortened.
    """
    return run_shell("keep_sample", path, str(SAMPLE_BYTES), user=user, seconds=30)


def shorten(path: str, user: str) -> Run:
    """Return the command that empties a file, and never what a link in its place leads to.

    truncate(1) follows links; dd opens with O_NOFOLLOW, creates nothing, and truncates what it opened.
    """
    words = ("/usr/bin/dd", "if=/dev/null", "oflag=nofollow", "conv=nocreat", "status=none")
    return Run.of(*words, user=user, seconds=15).helped("shorten-log", f"of={path}")


def disk_writers(limit: int, user: str) -> Run:
    """Return the command that tells who has big files open for writing on file systems that are full."""
    return run_shell("disk_writers", str(limit), user=user, seconds=15)


def nginx_logs(*, lines: int, user: str) -> Run:
    """Return the command that prints the last lines of nginx's error logs, the newest first."""
    return run_shell("nginx_logs", str(lines), user=user, seconds=5)
