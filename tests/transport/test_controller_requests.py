"""The request of a GET: its names, tokens and proxies."""

import pytest

from remediate.core.command import HttpRequest
from remediate.errors import Unreadable
from remediate.transport.controller import fetch
from support.http_server import Server, answer, get, header, reply


def test_a_pinned_request_says_the_name_of_the_site(server: Server) -> None:
    server.says(reply(200))
    answer(HttpRequest(url="http://example.com/health?a=b", resolve=f"127.0.0.1:{server.port}", seconds=5))
    for asked in server.asked:
        assert header(asked, "Host") == ["example.com"]
        assert asked.startswith(b"GET /health?a=b HTTP/1.1\r\n")


def test_a_pinned_request_says_the_port_of_the_site(server: Server) -> None:
    server.says(reply(200))
    answer(HttpRequest(url="http://example.com:8080/", resolve=f"127.0.0.1:{server.port}", seconds=5))
    assert [header(asked, "Host") for asked in server.asked] == [["example.com:8080"]] * 2


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9", "nonsense://x"])
def test_no_request_takes_a_proxy(server: Server, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy)
    monkeypatch.setenv("no_proxy", "")
    server.says(reply(200))
    assert answer(get(server)).ok
    assert answer(HttpRequest(url="http://example.com/", resolve=f"127.0.0.1:{server.port}", seconds=5)).ok


def test_a_token_is_read_when_it_is_sent(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    request = get(server).model_copy(update={"token": "env:MONITORING_TOKEN"})
    server.says(reply(200))
    for token in ("first-4711", "second-4711"):
        monkeypatch.setenv("MONITORING_TOKEN", token)
        output = fetch(request)
        assert f"Authorization: Bearer {token}\r\n".encode() in server.asked[-1]
        assert "4711" not in f"{output!r}{request!r}{request.model_dump_json()}"


@pytest.mark.parametrize("token", ["a b", "a\nX-Other: 1", "gr\u00fcn", "a=b"])
def test_a_token_that_can_be_none_is_not_sent(server: Server, monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("MONITORING_TOKEN", token)
    with pytest.raises(Unreadable, match="no bearer token") as caught:
        fetch(get(server).model_copy(update={"token": "env:MONITORING_TOKEN"}))
    assert token not in str(caught.value)
    assert server.asked == []


def test_a_token_that_cannot_be_read_says_nothing_about_the_page(server: Server) -> None:
    with pytest.raises(Unreadable, match="there is no such variable"):
        fetch(get(server).model_copy(update={"token": "env:NO_SUCH_TOKEN_HERE"}))
    assert server.asked == []


def test_a_token_never_becomes_an_argument(server: Server) -> None:
    with pytest.raises(ValueError, match="by the controller only"):
        get(server).model_copy(update={"token": "env:MONITORING_TOKEN"}).curl()


def test_nothing_is_compressed(server: Server) -> None:
    server.says(reply(200))
    answer(get(server))
    for asked in server.asked:
        assert header(asked, "Accept-Encoding") in (["identity"], [])


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.com/", ("example.com", 443)),
        ("http://example.com", ("example.com", 80)),
        ("http://example.com:8080/x:9/", ("example.com", 8080)),
        ("https://example.com?x=1:2", ("example.com", 443)),
        ("http://[::1]:8080/", ("::1", 8080)),
        ("http://[::1]/", ("::1", 80)),
        ("https://user:secret@example.com/", ("example.com", 443)),
    ],
)
def test_which_host_and_port_a_url_speaks_of(url: str, expected: tuple[str, int]) -> None:
    assert HttpRequest(url=url).host_port == expected
