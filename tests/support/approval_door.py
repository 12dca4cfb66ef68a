"""A service that takes approvals over HTTP, and persons with browsers."""

import re
from collections.abc import Mapping
from pathlib import Path

from fastapi import FastAPI
from httpx2 import Response
from starlette.testclient import TestClient

from remediate.approvals.approvals import Approvals
from remediate.approvals.proposal import Proposal, ProposalState, Requester
from remediate.core.plan import RunPlan
from remediate.project.project import Project
from remediate.service.approval_door import ApprovalDoor
from remediate.service.approval_routes import ApprovalRoutes
from remediate.service.settings import service_settings
from support.approving import Team, planned

HERE = "http://127.0.0.1:8787"
FORM = re.compile(r'name="form" value="([^"]+)"')


class Served:
    """A project with persons who may log in, and its door."""

    def __init__(self, place: Path, *, approvals: str = "", service: str = "") -> None:
        self.team = Team(place / "shop", "ana", "bob", "remediate-service")
        self.tokens = {name: f"{name}-{'0123456789abcdef' * 2}" for name in ("ana", "bob", "eve")}
        for name, token in self.tokens.items():
            (place / f"{name}.token").write_text(f"{token}\n")
        people = "\n".join(f'{name} = "file:{place}/{name}.token"' for name in self.tokens)
        (self.team.root / "pyproject.toml").write_text(
            f"[tool.remediate.approvals]\n{approvals}\n[tool.remediate.service]\n{service}\n"
            f'approval_key = "{self.team.key("remediate-service")}"\n[tool.remediate.service.people]\n{people}\n'
        )
        self.project = Project(self.team.root)
        self.woken = 0
        self.restart()

    def restart(self) -> None:
        """Serve the project as another process: its memory is empty."""
        door = ApprovalDoor.of(self.project, service_settings(self.team.root), self._wake)
        assert door is not None
        self.door = door
        self.app = FastAPI()
        ApprovalRoutes(door).add_to(self.app)

    def _wake(self) -> None:
        self.woken += 1

    def state(self, proposal: Proposal) -> ProposalState:
        approvals = self.approvals()
        return approvals.find(proposal.hash).state(approvals.now())

    def approvals(self, requester: Requester | None = None) -> Approvals:
        return Approvals.of(self.project, url=None, requester=requester)

    def propose(self, plan: RunPlan | None = None, *, requester: Requester | None = None) -> Proposal:
        return self.approvals(requester).propose(plan or planned(), operator="ana@laptop", run="run-1", incident=None)

    def browser(self, who: str | None = None, *, base: str = HERE) -> "Browsing":
        """Return a browser, in which this person has logged in."""
        browser = Browsing(self, base)
        if who is not None:
            assert browser.log_in(who).status_code == 303
        return browser


class Browsing:
    """One browser: it sends its cookies, and says where a form came from."""

    def __init__(self, served: Served, base: str) -> None:
        self.served = served
        self.client = TestClient(served.app, base_url=base, follow_redirects=False)
        self.headers = {"Origin": base, "Sec-Fetch-Site": "same-origin"}

    def get(self, path: str) -> Response:
        return self.client.get(path)

    def post(self, path: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Response:
        return self.client.post(path, data=dict(fields), headers=self.headers if headers is None else dict(headers))

    def log_in(self, name: str, token: str | None = None, **fields: str) -> Response:
        return self.post(
            "/login", {"name": name, "token": self.served.tokens[name] if token is None else token, **fields}
        )

    def read(self, proposal: Proposal) -> str:
        """Open the page of a plan, and return the token of its form, empty if it has none."""
        found = FORM.search(self.get(f"/approvals/{proposal.hash}").text)
        return "" if found is None else found[1]

    def again(self) -> "Browsing":
        """Return the same browser, at the service as it is served now."""
        browser = self.served.browser()
        browser.client.cookies.update(self.client.cookies)
        return browser

    def approve(
        self, proposal: Proposal, form: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        token = self.read(proposal) if form is None else form
        return self.post(f"/approvals/{proposal.hash}", {"form": token}, headers)
