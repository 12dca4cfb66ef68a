"""Output that could not be written, outside of a command: a listing, a help text, a parse error."""

import errno
import os
import sys
from contextlib import suppress
from typing import Final

from remediate.commands.command import program_name

_UNWRITABLE: Final = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
"""Errors of a write to a pipe, file or terminal that are not a bug."""


def output_is_lost(error: OSError) -> None:
    """Report that the output could not be written. Raises the error if it is about anything else."""
    if error.errno not in _UNWRITABLE or error.filename is not None:
        raise error
    with suppress(OSError):
        sys.stderr.write(f"{program_name()}: the output cannot be written: {error.strerror}\n")
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            # Otherwise the interpreter flushes again at exit and prints its own error.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
