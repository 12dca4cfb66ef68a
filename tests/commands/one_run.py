"""One run of the command line on a scripted host, with its report in a file."""

import sys
from functools import partial
from pathlib import Path

from remediate.commands.consent import consent
from remediate.commands.terminal import opened, stoppable
from remediate.core.host import Host, Settings, SshTarget
from remediate.core.options import Options
from remediate.engine.fleet import run
from remediate.probes.network import PortOwner
from remediate.probes.nginx import NginxConfig
from remediate.probes.systemd import Unit
from remediate.remedies.nginx import RestartNginx
from remediate.remedies.single import SingleRemedy
from remediate.report.text import TextReporter
from support import examples as ex
from support.scripted import Changes, FactSession

UNIT = Unit(name="nginx")


def main(file: str, name: str, hold: str, *flags: str) -> int:
    down: Changes = {
        UNIT: ex.FAILED,
        NginxConfig(): ex.SOUND,
        PortOwner(port=80): ex.NOBODY,
        PortOwner(port=443): ex.NOBODY,
    }
    session = FactSession(down, {UNIT: ex.started_again(ex.FAILED)})
    host = Host(name=name, groups=("all", "prod"), ssh=SshTarget(address="192.0.2.1"), settings=Settings(php="php8.3"))
    options = Options(hold=float(hold), yes="--yes" in flags)
    with opened() as terminal:
        reporter = TextReporter(terminal.out, terminal.err, program="remediate")
        with stoppable() as stop:
            report = run(
                SingleRemedy(RestartNginx),
                (host,),
                reporter=reporter,
                consent=partial(consent, terminal, stop=stop),
                connect=lambda _: session,
                stop=stop,
                options=options,
            )
        Path(file).write_text(report.model_dump_json(by_alias=True))
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
