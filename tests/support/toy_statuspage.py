"""A local fake of Statuspage's documented API, as far as incidents use it."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support.http_thread import Quiet

KEY = "canary-5f1e-api-key"
PAGE = "kctbh9vrtdwd"


class Statuspage(ThreadingHTTPServer):
    """The fake server. It sends queued `answers` before it does anything else."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Api)
        self.incidents: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str]] = []
        self.answers: list[tuple[int, dict[str, str], str]] = []
        self.lose = False
        """Do the request, then hang up without an answer."""


class Api(Quiet, BaseHTTPRequestHandler):
    server: Statuspage

    def _act(self) -> None:
        url = urlsplit(self.path)
        self.server.asked.append((self.command, url.path))
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        if self.server.answers:
            return self._answer(*self.server.answers.pop(0))
        if self.headers["Authorization"] != f"OAuth {KEY}":
            return self._answer(401, {}, '{"error": "Could not authenticate"}')
        parts = url.path.strip("/").split("/")
        assert parts[:3] == ["v1", "pages", PAGE], parts
        match self.command, parts[3:]:
            case "GET", ["incidents"]:
                query = {name: int(value[0]) for name, value in parse_qs(url.query).items()}
                first = (query["page"] - 1) * query["limit"]
                found = self.server.incidents[::-1][first : first + query["limit"]]
                return self._answer(200, {}, json.dumps(found))
            case "POST", ["incidents"]:
                made = {
                    "id": f"i{len(self.server.incidents)}",
                    "shortlink": "https://stspg.io/x",
                    "incident_updates": [],
                }
                self.server.incidents.append(made)
                return self._change(made, body, 201)
            case "PATCH", ["incidents", which]:
                one = next(each for each in self.server.incidents if each["id"] == which)
                return self._change(one, body, 200)
        return self._answer(404, {}, '{"error": "not found"}')

    do_GET = do_POST = do_PATCH = _act  # noqa: N815

    def _change(self, one: dict[str, Any], body: Any, code: int) -> None:
        given = dict(body["incident"])
        text = given.pop("body")
        one.update(given)
        assert all(isinstance(value, dict) for value in given["metadata"].values())  # as documented
        one["incident_updates"].insert(0, {"status": given["status"], "body": text})
        if self.server.lose:
            self.close_connection = True
            return
        self._answer(code, {}, json.dumps(one))

    def _answer(self, code: int, headers: dict[str, str], text: str) -> None:
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(text.encode()))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())
