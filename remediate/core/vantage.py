"""The vantage of a question: the host or the controller."""

from enum import Enum


class Vantage(Enum):
    """The place from which a question is asked: the host over SSH, or remediate's machine."""

    HOST = "host"
    CONTROLLER = "controller"
