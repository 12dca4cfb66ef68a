"""One page of a monitoring service, requested as it is."""

from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import HttpRequest, Output, Run
from remediate.core.field_types import Reference
from remediate.core.probe import PlacedProbe
from remediate.core.vantage import Vantage
from remediate.probes.http import HttpAnswer, answer_of


class Page(PlacedProbe[HttpAnswer]):
    """Ask for one page, at whatever address its name resolves to.

    Use `Site` for the pages of the application itself. A bearer token is a secret of the controller, so a question with
    one can only be asked from there.
    """

    kind: Literal["http.page"] = "http.page"
    accepts_truncated: ClassVar[bool] = True
    url: str = Field(description="page to ask for")
    contains: str | None = Field(default=None, description="text that the right page holds")
    token: Reference | None = Field(default=None, description="where the bearer token is (env:, file:, cmd:)")

    @override
    def label(self) -> str:
        return self.url

    @override
    def command(self) -> Run | HttpRequest:
        request = HttpRequest(url=self.url, token=self.token)
        return request if self.asked_from is Vantage.CONTROLLER else request.curl()

    @override
    def parse(self, output: Output) -> HttpAnswer:
        return answer_of(self.url, self.contains, output)
