"""The addresses of approvals: a login, the page of a plan, and the form that approves exactly what the page showed.

Reading changes nothing, so a program that follows links does no harm. A plan is shown to nobody who has not logged in.
"""

import logging
from collections.abc import Mapping
from typing import Annotated, Final
from urllib.parse import parse_qs

from fastapi import FastAPI, Request, Response
from fastapi import Path as InPath
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from remediate.approvals.visible import visible
from remediate.core.few import few
from remediate.errors import ConfigurationError, JournalError
from remediate.service.approval_door import ApprovalDoor
from remediate.service.approval_page import HEADERS, page, plan_values
from remediate.service.bodies import Bodies, Refused
from remediate.service.login_sessions import SECONDS, LoginSession

_MOST: Final = 4096
"""Bytes of a form."""
_DIGITS: Final = frozenset("0123456789abcdef")
_LOG: Final = logging.getLogger(__name__)

WholeHash = Annotated[str, InPath(pattern="^[0-9a-f]{64}$")]


class ApprovalRoutes:
    """The pages and forms of one door."""

    def __init__(self, door: ApprovalDoor) -> None:
        self._door = door
        self._bodies = Bodies()

    def add_to(self, app: FastAPI) -> None:
        """Add these addresses to the application."""
        for path, method, answer in (
            ("/approvals", "GET", self._waiting),
            ("/approvals/{whole_hash}", "GET", self._plan),
            ("/approvals/{whole_hash}", "POST", self._approve),
            ("/login", "POST", self._log_in),
            ("/logout", "POST", self._log_out),
        ):
            app.add_api_route(path, answer, methods=[method], response_model=None)

    def _waiting(self, request: Request) -> Response:
        if (session := self._door.session(request)) is None:
            return self._login(request)
        try:
            approvals = self._door.approvals()
            found, now = approvals.waiting(), approvals.now()
        except (ConfigurationError, JournalError) as why:
            return _unshown(session, why)
        plans = [plan_values(each, now) for each in found]
        return page(200, "Plans that wait for approval", plans=plans, person=session.person)

    def _plan(self, request: Request, whole_hash: WholeHash) -> Response:
        if (session := self._door.session(request)) is None:
            return self._login(request, whole_hash)
        return self._shown(session, whole_hash, 200)

    async def _approve(self, request: Request, whole_hash: WholeHash) -> Response:
        form = await self._form(request)
        if isinstance(form, Response):
            return form
        if (session := self._door.session(request)) is None:
            return self._login(request, whole_hash, done="Nothing was approved.")
        status, said = await run_in_threadpool(self._door.approve, session, form.get("form", ""), whole_hash)
        problem, note = (None, said) if status == 200 else (said, None)
        return await run_in_threadpool(self._shown, session, whole_hash, status, problem=problem, note=note)

    def _login(self, request: Request, whole_hash: str = "", *, done: str | None = None) -> Response:
        problem = " ".join(filter(None, (done, self._door.forgotten(request)))) or None
        return _login(401, whole_hash, problem=problem)

    async def _log_in(self, request: Request) -> Response:
        form = await self._form(request)
        if isinstance(form, Response):
            return form
        door, to, address = self._door, _next(form.get("next", "")), request.client.host if request.client else ""
        if door.failed.too_many(address):
            return _login(429, to, problem="Too many wrong tokens: wait a minute. A terminal can approve meanwhile.")
        person = form.get("name", "").strip()
        if not door.people.is_token_of(person, form.get("token", "").strip()):
            door.failed.add(address)
            _LOG.warning("a login with a wrong name or token, from %s", address)
            return _login(401, to, problem="This is not the token of that person.")
        door.sessions.end(request.cookies.get(door.cookie))
        cookie = door.sessions.begin(person)
        _LOG.info("%s logged in", person)
        answer = _to(f"/approvals/{to}" if to else "/approvals")
        answer.set_cookie(
            door.cookie, cookie, max_age=SECONDS, path="/", secure=door.secure, httponly=True, samesite="strict"
        )
        return answer

    async def _log_out(self, request: Request) -> Response:
        form = await self._form(request)
        if isinstance(form, Response):
            return form
        door = self._door
        door.sessions.end(request.cookies.get(door.cookie))
        answer = _to("/approvals")
        answer.delete_cookie(door.cookie, path="/", secure=door.secure, httponly=True, samesite="strict")
        return answer

    def _shown(
        self,
        session: LoginSession,
        whole_hash: str,
        status: int,
        *,
        problem: str | None = None,
        note: str | None = None,
    ) -> Response:
        """Return the page of a plan, with a form as long as it can be approved."""
        try:
            approvals = self._door.approvals()
        except (ConfigurationError, JournalError) as why:
            return _unshown(session, why, problem)
        try:
            proposal, now = approvals.find(whole_hash), approvals.now()
        except ConfigurationError:
            return page(404, "No such plan", problem=problem or "No plan has this hash.", person=session.person)
        except JournalError as why:
            return _unshown(session, why, problem)
        plan = plan_values(proposal, now)
        form = self._door.sessions.form(session, proposal) if plan["open"] else None
        title = visible(f"{proposal.playbook} on {few(proposal.hosts)}")
        return page(status, title, plan=plan, form=form, problem=problem, note=note, person=session.person)

    async def _form(self, request: Request) -> Mapping[str, str] | Response:
        """Return the fields of a form that a page of ours sent, or the refusal."""
        if (why := self._door.foreign(request)) is not None:
            return page(403, "Refused", problem=f"Nothing was done: {why}.")
        try:
            async with self._bodies.holding(request, _MOST) as body:
                fields = parse_qs(body.decode("ascii"), max_num_fields=10)
        except Refused as refused:
            return page(refused.delivered.status, "Refused", problem=f"Nothing was done: {refused}.")
        except ValueError:
            return page(400, "Refused", problem="Nothing was done: this is no form.")
        return {name: values[0] for name, values in fields.items() if len(values) == 1}


def _login(status: int, whole_hash: str = "", *, problem: str | None = None) -> Response:
    return page(status, "Log in to approve", login=True, next=whole_hash, problem=problem)


def _unshown(session: LoginSession, why: Exception, problem: str | None = None) -> Response:
    _LOG.error("plans cannot be shown: %s", why)
    said = problem or "The service cannot read its plans now. Its log says why."
    return page(503, "Plans", problem=said, person=session.person)


def _next(text: str) -> str:
    """Return the plan to go on to after the login, empty for anything that is no hash."""
    return text if len(text) == 64 and set(text) <= _DIGITS else ""


def _to(place: str) -> RedirectResponse:
    return RedirectResponse(place, status_code=303, headers=dict(HEADERS))
