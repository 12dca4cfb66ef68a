"""The authority and its challenge, from real curl."""

import pytest

from remediate.core.command import Output
from remediate.errors import Unreadable
from remediate.probes.acme import Authority, Challenge
from support.staging_site import NAME

DIRECTORY = """https://localhost:14000/dir
{
   "newNonce": "https://localhost:14000/nonce-plz",
   "newOrder": "https://localhost:14000/order-plz"
}"""


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (Output(stdout=DIRECTORY, stderr="200"), "https://localhost:14000/dir answers"),
        (Output(stdout="https://a/\n", stderr="000", exit=7), "https://a/ no connection"),
        (Output(stdout="https://a/\n", stderr="000", exit=6), "https://a/ name not found"),
        (Output(stdout="https://a/\n", stderr="000", exit=28), "https://a/ no answer in time"),
        (Output(stdout="https://a/\n", stderr="000", exit=60), "https://a/ certificate not valid"),
        (Output(stdout="https://a/\ndown", stderr="503"), "https://a/ answers 503"),
        (
            Output(stdout="https://a/\n<html>", stderr="200"),
            "https://a/ answers with something other than an ACME directory",
        ),
    ],
)
def test_an_authority(output: Output, told: str) -> None:
    found = Authority(name=NAME).read(output)
    assert (found.describe(), found.ok) == (told, told.endswith("dir answers"))


@pytest.mark.parametrize("output", [Output(exit=13), Output(exit=127), Output(exit=2, stderr="curl: option"), Output()])
def test_an_authority_that_was_not_asked_is_unknown(output: Output) -> None:
    with pytest.raises(Unreadable):
        Authority(name=NAME).read(output)


@pytest.mark.parametrize(
    ("status", "ok"),
    [("200", True), ("301", True), ("404", True), ("410", True), ("401", False), ("403", False), ("502", False)],
)
def test_the_way_of_a_challenge(status: str, ok: bool) -> None:
    found = Challenge(domain=NAME).read(Output(stderr=f"{status} 0.0012 "))
    assert (found.ok, found.describe()) == (ok, f"answers {status}")


def test_a_challenge_without_an_answer() -> None:
    assert Challenge(domain=NAME).read(Output(stderr="000 0.0 ", exit=7)).describe() == "no connection"
    assert Challenge(domain=NAME).read(Output(stderr="000 0.0 ", exit=99)).describe() == "broken answer"
    with pytest.raises(Unreadable):
        Challenge(domain=NAME).read(Output(stderr="curl: (2) no such option", exit=2))
