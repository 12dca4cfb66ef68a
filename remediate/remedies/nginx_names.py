"""A server name of several nginx blocks: a person's step."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.facts import Facts
from remediate.core.field_types import HostName, Port
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.core.verdict import RefusalCode
from remediate.errors import Unreadable
from remediate.probes.http import Site
from remediate.probes.nginx import NginxConfig
from remediate.probes.nginx_config import name_conflict
from remediate.remedies.certificate_refusals import SERVER_NAME_CONFLICT
from remediate.remedies.human import HumanStep


class SeparateServerNames(HumanStep):
    """Report that several server blocks have the site's name; nginx uses only the first (runbook 4.1).

    `nginx -t` only warns of it. It is reported while a page of the site fails, because the page may be another site's.
    """

    kind: Literal["nginx.server-name"] = "nginx.server-name"
    domain: HostName = Field(description="name that the public asks for")
    port: Port = Field(default=443, description="TCP port it is served on")
    pages: tuple[Site, ...] = Field(description="pages that would be another site's")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (SERVER_NAME_CONFLICT,)

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        url = host.settings.site_url
        return {} if url is None else {"domain": url.host, "port": url.port, "pages": Site.of(host)}

    @override
    def title(self) -> str:
        return f"server name {self.domain}"

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (*self.pages, NginxConfig())

    @override
    def needed(self, facts: Facts) -> str | None:
        wrong = next(self._wrong(facts), None)
        where = None if wrong is None else name_conflict(facts[NginxConfig()], self.domain, self.port)
        if where is None:
            return None
        said = f"nginx ignores all server blocks of {self.domain} but the first on {where}"
        return f"{wrong}: {said}, which may be another site's"

    def _wrong(self, facts: Facts) -> Iterator[str]:
        for page in self.pages:
            try:
                answer = facts[page]
            except Unreadable:
                continue  # an unreadable page is a symptom already, and shows no cause
            if answer.status is not None and not answer.ok:
                yield f"{page.label()} {answer.describe()}"
