"""A question or a remedy that tells no subject is refused as its module is imported, not at night."""

from typing import ClassVar, Literal

import pytest
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy
from remediate.errors import Unreadable


class Asked(Probe[Fact]):
    """A base: it has no kind, and so nothing to tell."""

    @override
    def command(self) -> Run:
        return Run.of("true", seconds=5)

    @override
    def parse(self, output: Output) -> Fact:
        raise Unreadable("dark")


def test_a_question_without_a_subject_is_refused() -> None:
    with pytest.raises(TypeError, match=r'^LampOn needs a subject = "…", or label\(\) of its own$'):

        class LampOn(Asked):
            kind: Literal["lamp.on"] = "lamp.on"


def test_a_subject_or_a_label_of_its_own_is_enough() -> None:
    class Lamp(Asked):
        kind: Literal["lamp"] = "lamp"
        subject: ClassVar[str] = "the lamp"

    class LampInRoom(Asked):
        kind: Literal["lamp.room"] = "lamp.room"
        room: str

        @override
        def label(self) -> str:
            return f"the lamp in the {self.room}"

    class LampAgain(Lamp):
        kind: Literal["lamp.again"] = "lamp.again"  # type: ignore[assignment]  # Another kind, as a project's may be.

    assert [each.label() for each in (Lamp(), LampInRoom(room="hall"), LampAgain())] == [
        "the lamp",
        "the lamp in the hall",
        "the lamp",
    ]


def test_a_remedy_without_a_subject_is_refused() -> None:
    with pytest.raises(TypeError, match=r'^RestartLamp needs a subject = "…", or title\(\) of its own$'):

        class RestartLamp(Remedy):
            kind: Literal["lamp.restart"] = "lamp.restart"
