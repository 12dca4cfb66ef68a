"""A real headless browser, driven over its debugging pipe."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

_NAMES: Final = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM: Final = next(filter(None, map(shutil.which, _NAMES)), None)


class Browser:
    """One page of the browser."""

    def __init__(self, to: int, answers: int) -> None:
        self._to = to
        self._answers = answers
        self._buffer = b""
        self._last = 0
        self.events: list[dict[str, Any]] = []
        target = self._ask("Target.createTarget", {"url": "about:blank"})["targetId"]
        self._session = self._ask("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")

    _session: str | None = None

    def ask(self, method: str, **params: object) -> dict[str, Any]:
        return self._ask(method, params, self._session)

    def resize(self, width: int, height: int = 812) -> None:
        """Give the window another size. The page stays."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=True)

    def show(self, page: Path | str, *, width: int, dark: bool = False) -> None:
        """Load a file or a URL."""
        self.resize(width)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.load(lambda: self.ask("Page.navigate", url=page if isinstance(page, str) else page.as_uri()))

    def load(self, begin: Callable[[], object]) -> None:
        """Wait for the page that this leads to."""
        self.events.clear()
        begin()
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._receive()

    @property
    def asked(self) -> list[str]:
        """The addresses that were asked for since the last page began to load."""
        return [event["params"]["request"]["url"] for event in self.events if "request" in event["params"]]

    @property
    def errors(self) -> list[str]:
        """Lines that the console would show in red since the last page began to load."""
        found = []
        for event in self.events:
            match event["method"], event["params"]:
                case "Log.entryAdded", {"entry": {"level": "error", "text": text}}:
                    found.append(text)
                case "Runtime.exceptionThrown", {"exceptionDetails": {"text": text}}:
                    found.append(text)
                case "Runtime.consoleAPICalled", {"type": "error" | "assert", "args": said}:
                    found.append(str(said))
        return found

    def value(self, expression: str) -> Any:
        return self.ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def _ask(self, method: str, params: object, session: str | None = None) -> dict[str, Any]:
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._last:
                assert "error" not in answer, answer
                return dict(answer["result"])

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            data = os.read(self._answers, 1 << 16)
            assert data, "the browser has ended"
            self._buffer += data
        text, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        if "method" in message:
            self.events.append(message)
        return message


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    assert CHROMIUM is not None
    requests, to = os.pipe()
    answers, replies = os.pipe()

    def wire() -> None:  # Chromium expects its end of the pipe at descriptors 3 and 4
        keep = os.dup(requests), os.dup(replies)
        os.dup2(keep[0], 3)
        os.dup2(keep[1], 4)

    command = (CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run")
    process = subprocess.Popen(
        [*command, "--disable-dev-shm-usage", f"--user-data-dir={profile}"],
        preexec_fn=wire,  # noqa: PLW1509  # no thread is running
        close_fds=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(requests)
    os.close(replies)
    try:
        yield Browser(to, answers)
    finally:
        process.kill()
        process.wait()
        for descriptor in (to, answers):
            with suppress(OSError):
                os.close(descriptor)
