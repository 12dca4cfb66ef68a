"""The vantage of a question: the host or the controller."""

from enum import Enum


class Vantage(Enum):
    """Where a question is asked from: on the host over SSH, or on the machine that runs remediate."""

    HOST = "host"
    CONTROLLER = "controller"
