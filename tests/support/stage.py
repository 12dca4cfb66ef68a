"""The staging host of a test worker, restored before each test."""

import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from remediate.commands.privileges import script_of
from remediate.engine.fleet import select
from remediate.errors import RemediateError
from remediate.project.project import Project
from remediate.rehearsal.faults.fault import CLIENTS_ENDED
from remediate.rehearsal.staging import StagingHost, up
from support.staged_host import APP, CHECKOUT, DOMAIN, FPM, LEFT_BY_TEST

_PREPARE = """
mkdir -p /root/pristine
printf 'LogLevel VERBOSE\\n' > /etc/ssh/sshd_config.d/00-counted.conf
systemctl reload ssh
rm -rf /root/pristine/etc
cp -a /etc /root/pristine/etc
cp -a /home/forge/.bashrc /root/pristine/bashrc
rm -rf /root/pristine/remediate
cp -a /opt/remediate /root/pristine/remediate
cp -a /var/log/php8.2-fpm.log /root/pristine/php8.2-fpm.log
"""
"""Once per container: log every command that sshd starts, and copy what tests may damage."""

_RESTORE = f"""set -u
for name in sshd timeout sh sleep; do pkill -KILL -u forge -x $name; done
rm -rf /opt/remediate
cp -a /root/pristine/remediate /opt/remediate
pkill -KILL -u root -x flock
for found in $(grep -lsaz '^{LEFT_BY_TEST}=' /proc/[0-9]*/environ | cut -d/ -f3); do kill -KILL "$found"; done
pkill -CONT -u forge -f 'artisan queue:work'
{CLIENTS_ENDED}
chown -R forge:forge {APP}/storage {APP}/bootstrap/cache
chmod -R u+rwX {APP}/storage {APP}/bootstrap/cache
rm -f {APP}/storage/framework/down /var/log/nginx/fill
cp -a /root/pristine/bashrc /home/forge/.bashrc
[ ! -L /var/log/{FPM}.log ] || {{ rm -f /var/log/{FPM}.log; cp -a /root/pristine/{FPM}.log /var/log/; }}
[ ! -L /var/log/nginx/access.log ] || {{ rm -f /var/log/nginx/access.log; nginx -s reopen; }}
again=
if ls -d /run/systemd/system/*.service.d > /dev/null 2>&1; then
    rm -rf /run/systemd/system/*.service.d
    systemctl daemon-reload
    again=php
fi
spoilt() {{
    diff -rq --no-dereference -x hosts -x hostname -x resolv.conf -x mtab -x '*-' -x .pwd.lock /root/pristine/etc /etc
}}
if [ -n "$(spoilt 2>&1)" ]; then
    for part in nginx php supervisor sudoers.d ssh pam.d security systemd environment localtime passwd shadow; do
        rm -rf /etc/$part
        cp -a /root/pristine/etc/$part /etc/$part
    done
    systemctl daemon-reload
    systemctl restart ssh
    again="$again nginx"
fi
systemctl reset-failed
[ -S /run/php/{FPM}.sock ] || again="$again php"
systemctl stop php8.1-fpm
case $again in *php*) systemctl restart {FPM} ;; esac
systemctl start ssh redis-server mariadb {FPM} nginx supervisor
case $again in *nginx*) systemctl reload nginx ;; esac
i=0
until [ "$(curl -s -o /dev/null -w '%{{http_code}}' -m 5 --connect-to ::127.0.0.1: https://{DOMAIN}/health)" = 200 ]
do i=$((i+1)); [ $i -lt 30 ] || exit 9; sleep 0.2; done
written=$(stat -c %Y {APP}/bootstrap/cache/config.php)
for p in $(pgrep -u forge -f 'artisan queue:work'); do
    [ $(($(date +%s) - $(ps -o etimes= -p $p))) -gt "$written" ] || old=1
done
[ -z "${{old:-}}" ] || supervisorctl restart 'agency-worker:*' > /dev/null
until [ "$(supervisorctl status | grep -c RUNNING)" = 2 ]; do i=$((i+1)); [ $i -lt 60 ] || exit 8; sleep 0.2; done
until [ "$(pgrep -u forge -fc 'artisan queue:work')" = 2 ]; do i=$((i+1)); [ $i -lt 60 ] || exit 6; sleep 0.2; done
[ -z "$(spoilt 2>&1)" ] || {{ spoilt; exit 7; }}
"""
"""Before each test: undo the previous one's changes. It exits with 0 only when the host is as it was made."""


class Stage:
    """The staging host of one test worker, which is replaced when it cannot be restored."""

    def __init__(self, name: str, inventory: Path) -> None:
        self.name = name
        self.inventory = inventory
        self.host = self._up(fresh=True)

    def clean(self) -> StagingHost:
        """Return the host as it was made."""
        try:
            done = self.host.exec(("/bin/bash", "-s"), _RESTORE, 60)
            if done.returncode != 0:
                sys.stderr.write(f"{self.name} is replaced: {done.stdout}{done.stderr}\n")
                self.host = self._up(fresh=True)
        except RemediateError as error:
            sys.stderr.write(f"{self.name} is replaced: {error}\n")
            self.host = self._up(fresh=True)
        return self.host

    def _up(self, *, fresh: bool) -> StagingHost:
        def installation(name: str) -> str:
            (host,) = select(name, self.inventory / f"{name}.yml")
            return script_of(host, Project(CHECKOUT))

        try:
            host = up(
                self.name,
                directory=CHECKOUT / ".staging",
                inventory=self.inventory,
                installation=installation,
                fresh=fresh,
            )
        except RemediateError as error:
            pytest.fail(str(error), pytrace=False)
        host.script(_PREPARE)
        return host


@contextmanager
def slot() -> Iterator[str]:
    """Take a name that no other test worker of this checkout has, in any run.

    A host that an earlier run left behind is replaced.
    """
    directory = CHECKOUT / ".staging"
    directory.mkdir(mode=0o700, exist_ok=True)
    for number in range(100):
        with (directory / f"test-{number}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield f"staging-test-{number}"
            return
    pytest.fail("a hundred test workers are at it already", pytrace=False)
