"""The limit of open files: raised where it may be, and said where it may not."""

import resource

import pytest

from remediate.commands.open_files import allow_connections


@pytest.mark.parametrize(
    ("limits", "hosts", "forks", "raised", "fitting"),
    [
        ((1024, 4096), 1, 20, None, 20),
        ((1024, 4096), 100, 20, None, 20),
        ((1024, 20000), 1000, 1000, (6064, 20000), 1000),
        ((256, resource.RLIM_INFINITY), 100, 50, (664, resource.RLIM_INFINITY), 50),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), 1000, 1000, None, 1000),
        ((256, 664), 1000, 1000, (664, 664), 50),
        ((20, 20), 1000, 20, (20, 20), 1),
    ],
)
def test_as_many_as_may_be(
    monkeypatch: pytest.MonkeyPatch,
    limits: tuple[int, int],
    hosts: int,
    forks: int,
    raised: tuple[int, int] | None,
    fitting: int,
) -> None:
    given: list[tuple[int, int]] = []
    warned: list[str] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, limit: given.append(limit))
    assert allow_connections(hosts, forks, warned.append) == fitting
    assert given == ([] if raised is None else [raised])
    assert len(warned) == (fitting < forks)
    assert all(f"{fitting} hosts are asked at the same time, not {forks}" in line for line in warned)
