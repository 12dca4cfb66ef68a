"""The backups of the staging host, and what maintain.weekly says of them."""

import time

from remediate.maintenance.item import Result
from remediate.maintenance.report import MaintenanceReport
from support.command_line import Cli, Ended
from support.staged_host import Staged

PLACE = "/var/backups/agency"
COMPLETED = "-- MariaDB dump 10.19\n{}\n-- Dump completed\n"
LEFT = "ls -d /var/tmp/remediate-* 2>/dev/null || true; pgrep -u forge -a 'mariadb|mysqld' || true"


class Backups:
    """The backups of the staging host, and what maintain.weekly says of them."""

    def __init__(self, staged: Staged, cli: Cli) -> None:
        self.staged = staged
        self.cli = cli

    def dump(self, name: str = "agency.sql", *arguments: str, then: str = "") -> None:
        """Make one with the real mysqldump; `then` is done to it, and it is an hour old."""
        words = " ".join(arguments) or "agency"
        self.staged.sh(f"cd {PLACE} && mysqldump --single-transaction {words} > {name}\n{then}\n{_AGED}")

    def write(self, name: str, text: str) -> None:
        """Write one by hand; it is an hour old."""
        self.staged.sh(f"cat > {PLACE}/{name} <<'DUMP'\n{COMPLETED.format(text)}\nDUMP\n{_AGED}")

    def weekly(self, **backup: object) -> Ended:
        """Run the command, with some keys of the inventory's `backup` changed."""
        return self.cli("invoke", "maintain.weekly", *self._target(backup), "--json")

    def start(self) -> None:
        """Start the command and do not wait for it."""
        self.running = self.cli.start("invoke", "maintain.weekly", *self._target({}), "--json")

    def until_it_begins(self, what: str = "/var/tmp/remediate-") -> None:
        """Wait until the restore that was started has made a directory, or runs this."""
        # Asked there, and many times a second: on a fast host all of it is over in a second or two.
        seen = f"({LEFT}) | grep -qF -- {what} && echo seen && break"
        if not self.staged.sh(f"for i in $(seq 1000); do {seen}; sleep 0.02; done"):
            self.running.process.kill()
            ended = self.running.end()
            raise AssertionError(f"no restore began: {ended.code}\n{ended.out}\n{ended.err}")

    def told(self, **backup: object) -> str:
        """The output on a terminal."""
        return self.cli("invoke", "maintain.weekly", *self._target(backup)).out

    def _target(self, backup: dict[str, object]) -> tuple[str, ...]:
        settings = {"files": f"{PLACE}/*", "seconds": 120, **backup}
        return "--host", self.staged.name, "--inventory", str(self.staged.inventory_with(backup=settings))

    def result(self, **backup: object) -> Result:
        """The answer about the backup; the exit code says the same."""
        ended = self.weekly(**backup)
        report = MaintenanceReport.model_validate_json(ended.out)
        assert ended.code == report.exit_code
        (found,) = (each for each in report.subjects[0].results if each.item == "backup")
        assert found.ok or ended.code == 5
        assert self.left() == "", "a restore left something behind"
        return found

    def left(self) -> str:
        """Directories and processes of a restore."""
        return str(self.staged.sh(LEFT).strip())

    def clean_within(self, seconds: float) -> bool:
        """Return whether nothing is left before so many seconds are over."""
        end = time.monotonic() + seconds
        while self.left():
            if time.monotonic() > end:
                return False
            time.sleep(0.3)
        return True

    def live(self) -> str:
        """The live database, whole."""
        return str(self.staged.sh("mysqldump --skip-dump-date --all-databases --ignore-table=mysql.event | sha256sum"))


_AGED = f"chown -R forge: {PLACE} && find {PLACE} -type f -exec touch -d '-1 hour' {{}} +"
