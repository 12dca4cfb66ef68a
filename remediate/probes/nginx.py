"""Whether nginx accepts its configuration, and what it last complained about."""

import re
from typing import Literal

from remediate.command import ROOT, Output, Run
from remediate.probe import Probe, last_line
from remediate.probes.config import ConfigCheck, ConfigState
from remediate.probes.systemd import LogLines

_PLACED = re.compile(r"\[emerg\] (?:[0-9]+#[0-9]+: )?(?P<message>.*) in (?P<file>/\S+):(?P<line>[0-9]+)$")
_EMERG = re.compile(r"\[emerg\] (?:[0-9]+#[0-9]+: )?(?P<message>.*)")
_ENVIRONMENT = re.compile(r"\((13|23|24|28|30): ")
"""errno of nginx's messages that speak of the machine: EACCES, ENFILE, EMFILE, ENOSPC, EROFS."""


class NginxConfig(Probe[ConfigCheck]):
    """Ask nginx to check its configuration, as root: certificate keys are not readable to others.

    Reading has side effects: it opens the pid file and the logs for writing and creates what is missing (its temp
    directories too), and it binds every port for a moment. On a read-only root it therefore fails with the best of
    configurations: that is *unchecked*.
    """

    kind: Literal["nginx.config"] = "nginx.config"

    def label(self) -> str:
        """See Probe."""
        return "nginx -t"

    def command(self) -> Run:
        """See Probe."""
        return Run.of("/usr/sbin/nginx", "-t", user=ROOT, seconds=10)

    def parse(self, output: Output) -> ConfigCheck:
        """See Probe."""
        if output.exit == 0:
            return ConfigCheck(state=ConfigState.SOUND)
        for line in output.stderr.splitlines():
            if not (emerg := _EMERG.search(line)):
                continue
            if _ENVIRONMENT.search(line):
                return ConfigCheck(state=ConfigState.UNCHECKED, message=emerg["message"])
            if placed := _PLACED.search(line):
                return ConfigCheck.placed(placed, self.label())
            return ConfigCheck(state=ConfigState.BROKEN, message=emerg["message"])
        return ConfigCheck(state=ConfigState.UNCHECKED, message=last_line(output.stderr))


class NginxLog(Probe[LogLines]):
    """The last lines of nginx's error log, where it says which upstream did not answer."""

    kind: Literal["nginx.log"] = "nginx.log"

    def label(self) -> str:
        """See Probe."""
        return "error log of nginx"

    def command(self) -> Run:
        """See Probe."""
        return Run.of("/usr/bin/tail", "-n", "5", "/var/log/nginx/error.log", user=ROOT, seconds=5)

    def parse(self, output: Output) -> LogLines:
        """See Probe."""
        return LogLines.read(self.label(), output)
