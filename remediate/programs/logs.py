"""Keeps what a log that is about to be shortened said last."""

from remediate.command import ROOT, Run
from remediate.programs import program_text

SAMPLE_BYTES = 1024 * 1024
"""How much of its end is kept."""


def keep_sample(path: str, user: str | None, *, as_root: bool) -> Run:
    """Return the command that keeps a file's last MiB as `remediate-sample-NAME.*`, for its user alone.

    In the user's home, or where that has no room in /var/tmp or /dev/shm; when no place has, it fails and nothing may
    be shortened. With `as_root` the file is read by `read_as_root`, which sudo has to allow.
    """
    program = program_text("remediate.programs", "keep_sample.sh")
    mode = "root" if as_root else "own"
    return Run.of("/bin/sh", "-c", program, "sh", path, str(SAMPLE_BYTES), mode, user=user, seconds=30)


def read_as_root(path: str) -> Run:
    """Return the command by which a sample of a file is read that only root may read."""
    return Run.of("/usr/bin/tail", "-c", str(SAMPLE_BYTES), path, user=ROOT, seconds=30)


def shorten(path: str, user: str) -> Run:
    """Return the command that empties a file, and never what a link in its place leads to.

    truncate(1) follows links; dd opens with O_NOFOLLOW, creates nothing, and truncates what it opened.
    """
    words = ("if=/dev/null", f"of={path}", "oflag=nofollow", "conv=nocreat", "status=none")
    return Run.of("/usr/bin/dd", *words, user=user, seconds=15)
