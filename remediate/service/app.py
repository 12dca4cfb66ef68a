"""The service over HTTP. It takes what strangers send, so every size, time and number here has a limit."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import FastAPI, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from remediate.alerts.authentication import NotAuthenticated, Verifier
from remediate.errors import ConfigurationError, JournalError
from remediate.journal.journal import Journal
from remediate.service.alert_desk import AlertDesk, Delivered
from remediate.service.bodies import Bodies, Refused
from remediate.service.engine import RunEngine
from remediate.service.metrics import CONTENT_TYPE, ServiceMetrics

_DECIDING: Final = 4
"""Deliveries that are decided at the same time. More would gain nothing: the database takes one after the other."""
_RUN_ID: Final = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"

Answer = Callable[[], str | None]


def service_app(
    desk: AlertDesk,
    engine: RunEngine,
    metrics: ServiceMetrics,
    *,
    reader: Verifier | None,
    journal: str | None,
    unwell: Answer,
) -> FastAPI:
    """Return the application. `reader` proves who may read runs, None for nobody; `unwell` says what is wrong."""
    app = FastAPI(title="remediate", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(RequestValidationError, _unusable)
    bodies, turns = Bodies(), asyncio.Semaphore(_DECIDING)

    @app.post("/alerts/{source}", status_code=202)
    async def alerts(source: Annotated[str, Path(max_length=100)], request: Request) -> Response:
        try:
            async with bodies.holding(request) as body, turns:
                answer = await run_in_threadpool(desk.take, source, request.headers.raw, body)
        except Refused as refused:
            answer = refused.delivered
        metrics.delivered(source, answer.outcome, answer.decided)
        return _said(answer)

    @app.get("/healthz")
    def healthz() -> Response:
        why = unwell()
        return JSONResponse({"status": "ok" if why is None else why}, status_code=200 if why is None else 503)

    @app.get("/metrics")
    def prometheus() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    @app.get("/runs")
    def runs(request: Request, limit: Annotated[int, Query(ge=1, le=500)] = 100) -> Response:
        if (refused := _may_read(reader, request)) is not None:
            return refused
        return JSONResponse({"runs": [run.model_dump(mode="json") for run in engine.runs(limit=limit)]})

    @app.get("/runs/{run}")
    def one_run(run: Annotated[str, Path(pattern=_RUN_ID)], request: Request) -> Response:
        if (refused := _may_read(reader, request)) is not None:
            return refused
        found = engine.find(run)
        if found is None:
            return JSONResponse({"detail": "no such run"}, status_code=404)
        judged = found.result.run if found.result is not None else run
        head = f'{{"run":{found.model_dump_json()},"report":'
        return Response(f"{head}{_report(journal, judged) or 'null'}}}", media_type="application/json")

    return app


def _unusable(_: Request, __: Exception) -> Response:
    """Refuse an address without repeating it. FastAPI's own answer would send it back to a stranger."""
    return JSONResponse({"detail": "a part of this address cannot be used"}, status_code=422)


def _said(answer: Delivered) -> Response:
    headers = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "10"}}.get(answer.status, {})
    if answer.status in {408, 413, 503}:
        headers = {**headers, "Connection": "close"}  # The rest of the body is not read.
    return JSONResponse({"detail": answer.detail}, status_code=answer.status, headers=headers)


def _may_read(reader: Verifier | None, request: Request) -> Response | None:
    """Return the refusal of somebody who may not read runs."""
    if reader is None:
        return JSONResponse({"detail": "runs are not shown: set `read` in [tool.remediate.service]"}, status_code=403)
    proof = reader.verify(request.headers.raw, b"", datetime.now(UTC))
    return _said(Delivered(401, "refused", proof.reason)) if isinstance(proof, NotAuthenticated) else None


def _report(journal: str | None, run: str) -> str | None:
    """Return a run's report as it is in the journal: masked, and JSON."""
    try:
        with Journal.open(journal) as opened:
            return opened.find(run).report
    except (ConfigurationError, JournalError):
        return None
