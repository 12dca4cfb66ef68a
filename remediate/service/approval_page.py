"""The pages on which a logged-in person reads a plan and approves it: plain HTML, without scripts."""

import base64
import hashlib
import inspect
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Final, NamedTuple

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from remediate.approvals.proposal import Proposal, ProposalState
from remediate.approvals.store import unusable
from remediate.approvals.visible import visible
from remediate.remedies.catalogue import remedies

_STYLE: Final = resources.files("remediate.service").joinpath("templates", "approval.css").read_text(encoding="utf-8")
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    # With no-referrer, browsers send `Origin: null` with our own forms, which then could not be told from others'.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class ShownStep(NamedTuple):
    """One step, with what its remedy says of itself."""

    host: str
    title: str
    remedy: str
    why: str
    about: str
    commands: tuple[str, ...]


def page(status: int, title: str, **values: object) -> HTMLResponse:
    """Return a page. `values` are those that the template names; it escapes all of them."""
    usual = dict.fromkeys(("problem", "note", "person", "login", "next", "plan", "form", "plans"))
    text = _template().render({**usual, "style": _STYLE, "title": title, **values})
    return HTMLResponse(text, status_code=status, headers=dict(HEADERS))


def plan_values(proposal: Proposal, now: datetime) -> dict[str, object]:
    """Return what the page shows of a plan. Nothing in it is hidden or reordered."""
    state = proposal.state(now)
    return {
        "hash": proposal.hash,
        "shown": proposal.shown,
        "playbook": visible(proposal.playbook),
        "hosts": [visible(host) for host in proposal.hosts],
        "command": visible(proposal.command),
        "asked_by": visible(proposal.asked_by),
        "asked": f"{proposal.asked:%Y-%m-%d %H:%M:%SZ}",
        "expires": f"{proposal.expires:%Y-%m-%d %H:%M:%SZ}",
        "state": state.value,
        "why": unusable(proposal, now),
        "approvers": [visible(str(each.approver)) for each in proposal.approvals],
        "open": state is ProposalState.PROPOSED,
        "steps": [
            ShownStep(
                visible(step.host),
                visible(step.title),
                visible(step.remedy),
                visible(step.why),
                _about(step.remedy),
                tuple(visible(command) for command in step.commands),
            )
            for step in proposal.steps
        ],
    }


def _about(kind: str) -> str:
    """Return what a remedy does and what it leaves alone, as its documentation says. A project's own is not known."""
    known = remedies().get(kind)
    return "" if known is None else " ".join((inspect.getdoc(known) or "").split())


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("remediate.service"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("approval.html.j2")
