"""Any program asked on a host on paper, by every shell that may be /bin/sh."""

from typing import Literal

import pytest

from remediate.core.command import Output, Run
from remediate.core.probe import Fact, Probe
from remediate.testing import PaperHost, installed_shells
from remediate.transport.session import Answers
from support.toys import Text

NONCE = "0123456789abcdef0123456789abcdef"
EVERY_SHELL = pytest.mark.parametrize("shell", installed_shells())
ACTING_SHELL = pytest.mark.parametrize("shell", [name for name in installed_shells() if name != "mksh"])
"""mksh asks, but does not act: see tests/transport/test_session.py."""


class Ask(Probe[Text]):
    """Any program, for these tests. `number` tells equal questions apart."""

    kind: Literal["test.ask"] = "test.ask"
    run: Run
    number: int = 0

    def label(self) -> str:
        return self.run.argv[0]

    def command(self) -> Run:
        return self.run

    def parse(self, output: Output) -> Text:
        return Text(text=output.stdout)


def ask(*argv: str, user: str | None = None, seconds: float = 10) -> Ask:
    return Ask(run=Run(argv=argv, user=user, seconds=seconds))


def survey(host: PaperHost, *probes: Probe[Fact], seconds: float = 30) -> Answers:
    rounds = host.session().begin(probes, seconds=seconds)
    try:
        return rounds.next()
    finally:
        rounds.close()


def output(answers: Answers, probe: Probe[Fact]) -> Output:
    answer = answers[probe]
    assert isinstance(answer, Output)
    return answer
