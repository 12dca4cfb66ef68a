"""A terminal at which nobody sits, and what was printed on it."""

import io

from remediate.commands.terminal import Terminal
from support.toys import masked


class Printed:
    """A command's terminal; `out` and `err` keep what was printed."""

    def __init__(self) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.terminal = Terminal(masked(self.out), masked(self.err), interactive=False)
