"""The reason of a connection that failed, from what `ssh` said."""

import pytest

from remediate.core.host import SshTarget
from remediate.errors import UnreachableCode
from remediate.transport.deadline import Deadline
from remediate.transport.openssh import failure
from remediate.transport.openssh.failure import Said


@pytest.mark.parametrize(
    ("late", "code", "told"),
    [
        (True, UnreachableCode.TIMEOUT, "web1: no connection within 10 s; nothing was changed"),
        (False, UnreachableCode.NETWORK, "web1: ssh_dispatch_run_fatal: message authentication code incorrect"),
    ],
)
def test_a_machine_too_busy_for_the_diagnosis_still_tells_what_it_knows(
    monkeypatch: pytest.MonkeyPatch, *, late: bool, code: UnreachableCode, told: str
) -> None:
    def too_slow(*_: object, **__: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(failure, "route", too_slow)
    said = Said("" if late else "ssh_dispatch_run_fatal: message authentication code incorrect")
    found = failure.failure(said, SshTarget(address="web1"), Deadline(10), late=late)
    assert (found.code, found.message) == (code, told)
