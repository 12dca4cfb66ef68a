"""Cleans text for a terminal and wraps it, but never a command."""

import re
import textwrap
from typing import Final

from remediate.masking.masker import strip_control
from remediate.masking.secret_patterns import mask_shapes

WIDTH: Final = 80
"""The width of output for people, whatever the terminal's: a narrow one would break lines anywhere.

A line is only longer with a command in it, or with a word that is longer.
"""
_VALUE: Final = r"(?:'[^']*'|\"[^\"]*\"|[^\s'`;,]|[;,](?=\S))+"
_WHOLE: Final = re.compile(
    r"`[^`]*`"
    r"|\bsudo -n /[^;`]*"
    r"|\(exit \d+\)|\b\d[\d.]* (?:s|%|MiB)(?!\w)"
    r"|(?:\b(?:next|evidence|look with|to do it): )?"
    # Only a name with a full stop takes a value without a flag, as runs.show does; the rest may be prose.
    rf"\b(?:invoke|inv|remediate|fab) (?:[a-z]\w*\.[\w.-]*\w(?: (?!--){_VALUE})?|[a-z][\w-]*\w)"
    rf"(?: --[\w-]+(?:[ =](?!--){_VALUE})?)*"
)
_GLUE: Final = "\N{NO-BREAK SPACE}"


def clean(text: str) -> str:
    """Make remote text safe for a terminal, on one line.

    Secrets are masked here, because a secret may not be recognisable any more in a line that is wrapped or cut.
    """
    return " ".join(mask_shapes(strip_control(text)).split())


def wrap(text: str, width: int = WIDTH, first: str = "", others: str = "    ") -> list[str]:
    """Wrap text. A command, a number with its unit, and what stands in backticks stay on one line."""
    glued = _WHOLE.sub(lambda found: found[0].replace(" ", _GLUE), text.replace(_GLUE, " "))
    lines = textwrap.wrap(
        glued, width, initial_indent=first, subsequent_indent=others, break_long_words=False, break_on_hyphens=False
    )
    return [line.replace(_GLUE, " ") for line in lines]
