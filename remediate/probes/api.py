"""Shared parts of probes that ask a JSON web API."""

import json
from abc import abstractmethod

from pydantic import Field
from typing_extensions import override

from remediate.core.command import HttpRequest, Output, Run
from remediate.core.probe import PlacedProbe, T_co
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
from remediate.probes.http import answer_of


class ApiQuestion(PlacedProbe[T_co]):
    """One GET below the address of a service. Any answer but a 200 with JSON is Unreadable.

    Use `Page` to ask whether the service is there at all.
    """

    url: str = Field(description="address of the service, for example http://127.0.0.1:9090")

    @abstractmethod
    def path(self) -> str:
        """The path and query below the address, percent-encoded."""

    @override
    def command(self) -> Run | HttpRequest:
        request = HttpRequest(url=f"{self.url.rstrip('/')}{self.path()}")
        return request if self.asked_from is Vantage.CONTROLLER else request.curl()

    def document(self, output: Output) -> object:
        """Return the JSON of an answer. Raises Unreadable for any other answer."""
        answer = answer_of(self.label(), None, output)
        if not answer.ok:
            raise Unreadable(f"{self.label()}: {answer.describe()}")
        try:
            found: object = json.loads(output.stdout)
        except (ValueError, RecursionError):
            raise Unreadable(f"{self.label()}: the answer is not JSON") from None
        return found
