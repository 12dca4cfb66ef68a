"""The workers of nginx."""

import pytest

from remediate.core.command import Output
from remediate.errors import Unreadable
from remediate.probes.nginx import NginxWorkers


def test_the_workers_of_nginx() -> None:
    assert NginxWorkers().read(Output(stdout="80\n82\n")).pids == (80, 82)
    assert NginxWorkers().read(Output(exit=1)).pids == ()
    with pytest.raises(Unreadable):
        NginxWorkers().read(Output(exit=2))
