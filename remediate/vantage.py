"""Where a question is asked from."""

from enum import Enum


class Vantage(Enum):
    """Where a question is asked from: on the host over SSH, or on the machine that runs remediate."""

    HOST = "host"
    CONTROLLER = "controller"
