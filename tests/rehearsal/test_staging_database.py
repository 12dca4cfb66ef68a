"""Sessions of a real MariaDB: the right ones end, and no statement's literals leave."""

from typing import TYPE_CHECKING

import pytest

from remediate.core.command import Output
from remediate.core.services import DatabaseLimits
from remediate.probes.mysql import Sessions, SessionsState
from remediate.programs.database import ACCOUNT, end_queries
from remediate.rehearsal.faults import AccountElsewhere, ConnectionsBusy
from remediate.rehearsal.faults.fault import CLIENTS_ENDED
from support.outcomes import problem

if TYPE_CHECKING:
    from support.command_line import Cli
    from support.staged_host import Staged

pytestmark = pytest.mark.container

LIMITS = DatabaseLimits(lock_wait=2, idle_transaction=2, long_query=2, idle=2)
SESSIONS = Sessions(limits=LIMITS)
CANARY = "c4n4ry"
AS_ACCOUNT = ("runuser", "-u", ACCOUNT, "--")

_SESSION = r"""
export MYSQL_PWD
MYSQL_PWD=$(sed -n 's/^DB_PASSWORD=//p' /home/forge/agency-platform/.env)
mariadb -e "CREATE OR REPLACE USER reports@127.0.0.1 IDENTIFIED BY '$MYSQL_PWD'"
mariadb -e "GRANT ALL ON agency.* TO reports@127.0.0.1"
session() {
  { printf '%s\n' "$2"; sleep 300; } 2>/dev/null </dev/null |
    setsid mariadb --comments --force -h 127.0.0.1 -u "$1" agency >/dev/null 2>&1 &
}
"""

HIDDEN = (
    "select sleep(30), 'c4n4ry1', \"c4n4ry2\", 0x63346e34, 424242 /* c4n4ry3 */ from `agencies` -- c4n4ry4",
    "select sleep(30) as `it's`, 'c4n4ry\\'5', 'c4n4ry6' from `agencies`",
    "set sql_mode = 'NO_BACKSLASH_ESCAPES'; select sleep(30), '\\', 'c4n4ry7' # c4n4ry8",
    "select sleep(30) from `agencies` where `name` <> _utf8'c4n4ry9'",
)
"""Statements with something in them that nobody may see."""


def asked(staged: "Staged") -> tuple[SessionsState, str]:
    done = staged.host.exec((*AS_ACCOUNT, *SESSIONS.command().argv))
    output = Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode)
    return SESSIONS.read(output), done.stdout + done.stderr


def begun(staged: "Staged", *sessions: tuple[str, str]) -> None:
    lines = (f"session {user} {_quoted(text)}\nsleep 0.4" for user, text in sessions)
    staged.sh("\n".join((_SESSION, *lines)))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "\n;'"


def ended(staged: "Staged") -> str:
    """End what may be ended, and return who is left at what."""
    done = staged.host.exec((*AS_ACCOUNT, *end_queries(LIMITS, "agency").argv))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return connected(staged)


def connected(staged: "Staged") -> str:
    """The statement of each session."""
    return staged.sh(
        "mariadb -NBe \"SELECT CONCAT(user, ' ', command, ' ', COALESCE(info, '')) FROM "
        "information_schema.processlist WHERE user IN ('agency', 'reports') ORDER BY 1\""
    )


def aged(staged: "Staged", seconds: int) -> None:
    """Wait until each session has been at what it does for so long."""
    youngest = "SELECT MIN(time) FROM information_schema.processlist WHERE user IN ('agency', 'backup', 'reports')"
    staged.sh(f'until [ "$(mariadb -NBe "{youngest}")" -ge {seconds} ]; do sleep 0.1; done')


def over(staged: "Staged") -> None:
    staged.sh(f"{CLIENTS_ENDED}; mariadb -e 'DROP USER IF EXISTS reports@127.0.0.1, backup@127.0.0.1'")
    # The server goes on with a query whose client is gone, and holds its connection until it is done.
    running = "SELECT id FROM information_schema.processlist WHERE user IN ('agency', 'reports') AND command = 'Query'"
    staged.sh(f'for id in $(mariadb -NBe "{running}"); do mariadb -e "KILL $id" || true; done')


def test_no_statement_leaves_the_host_with_its_literals(staged: "Staged") -> None:
    try:
        begun(staged, *(("agency", text) for text in HIDDEN))
        aged(staged, 3)
        state, raw = asked(staged)
        assert CANARY not in raw
        assert "424242" not in raw
        assert sorted(each.statement for each in state.sessions) == [
            "select sleep(?) as `it's`, ?",
            "select sleep(?) from `agencies` where `name` <> _utf8?",
            "select sleep(?), ?",
            "select sleep(?), ?, ?, ?, ? ? from `agencies` ?",
        ]
        assert asked(staged)[1] == raw  # what fences a change is the same text while nothing happens
    finally:
        over(staged)


def test_only_the_applications_own_are_ended_and_only_what_is_too_long(staged: "Staged") -> None:
    reads, dumps, writes = "reads", "dumps", "writes"
    # A worker that had a job with the database keeps its connection.
    others = connected(staged).count("agency Sleep")
    try:
        begun(
            staged,
            ("agency", f"select sleep(50), '{reads}'"),
            ("agency", f"select sql_no_cache sleep(50), '{dumps}'"),
            ("agency", f"do sleep(50), '{writes}'"),
            ("reports", "select sleep(50)"),
            ("agency", "start transaction; update agencies set id = id"),
            ("agency", "set innodb_lock_wait_timeout = 60; update agencies set id = id"),
            ("reports", "start transaction; select count(*) from payments"),
        )
        aged(staged, 3)
        before, _ = asked(staged)
        assert [(each.user, each.modified) for each in before.sessions if each.blocks] == [("agency", False)]

        assert reads in ended(staged)  # while somebody waits for a lock, only what holds it
        assert not asked(staged)[0].waiting
        kept = ended(staged)
        assert reads not in kept
        assert dumps in kept
        assert writes in kept
        assert kept.count("reports Query select sleep(50)") == 1
        assert kept.count("reports Sleep") == 1
        # The reading query was ended by itself: its connection is there. The waiting update had its turn.
        assert kept.count("agency Sleep") == 2 + others
    finally:
        over(staged)


TURNED_AWAY = """
held() { mariadb -NBe "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'agency'"; }
before=$(held)
for i in $(seq 9); do session agency ''; done
{ while sleep 3; do echo 'select 1;'; done; } 2>/dev/null </dev/null |
  timeout 300 setsid mariadb --unbuffered -h 127.0.0.1 -u agency agency >/dev/null 2>&1 &
until [ "$(held)" -ge $((before + 10)) ]; do sleep 0.1; done
mariadb -e "SET GLOBAL max_connections = $((before + 10))"
sleep 3
cat >/run/turned-away <<'EOF'
end=$(($(date +%s) + 300))
while [ "$(date +%s)" -lt "$end" ]; do mariadb -h 127.0.0.1 -u agency -e 'select 1' agency; done >/dev/null 2>&1
EOF
for i in 1 2 3; do setsid sh /run/turned-away >/dev/null 2>&1 </dev/null & done
sleep 0.5
"""
"""Every connection is held, one by a worker that asks for something every now and then, and others ask for one all the
time: each of those takes the one that root has, for a moment."""


def test_root_is_let_in_among_all_who_are_turned_away(staged: "Staged", cli: "Cli") -> None:
    target = ("--host", staged.name, "--inventory", str(staged.inventory), "--json")
    try:
        staged.sh(_SESSION + TURNED_AWAY)
        for _ in range(4):
            cli("invoke", "check.database-down", *target).is_("pending", 10)
        cli("invoke", "do.database.end-idle", *target, "--hold", "3").is_("fixed", 0, touched="yes")
    finally:
        staged.sh(f"pkill -f /run/turned-away || true; {CLIENTS_ENDED}; sleep 0.5")
        staged.sh("mariadb -e 'SET GLOBAL max_connections = 151'")
        over(staged)


def target_of(staged: "Staged") -> tuple[str, ...]:
    return ("--host", staged.name, "--inventory", str(staged.inventory), "--json")


_BACKUP = """
mariadb -e "CREATE OR REPLACE USER backup@127.0.0.1 IDENTIFIED BY '$MYSQL_PWD'"
mariadb -e "GRANT ALL ON agency.* TO backup@127.0.0.1"
"""
_WHO = "mariadb -NBe \"SELECT CONCAT(user, ' ', command) FROM information_schema.processlist WHERE user = 'backup'\""


def test_whoever_may_hold_a_table_is_ended_by_the_command_that_the_refusal_prints(staged: "Staged", cli: "Cli") -> None:
    target = target_of(staged)
    try:
        staged.sh(_SESSION + _BACKUP)
        # Two that came to rest long before, and are nobody's cause.
        begun(staged, ("backup", "select 1 from payments limit 1"), ("agency", "select 1 from payments limit 1"))
        aged(staged, 2)
        begun(staged, ("reports", "lock tables agencies write"), ("agency", "select count(*) from agencies"))
        aged(staged, 3)
        state, _ = asked(staged)
        assert next(each.user for each in state.sessions if each.suspected) == "reports"
        assert not any(each.blocks for each in state.sessions)

        refused = cli("invoke", "check.database-down", *target).refused("blocker-unknown")
        (step,) = (each for each in refused.steps if each.code == "blocker-unknown")
        command, *_ = step.onward
        assert "--user reports" in command
        assert not any("backup" in each or "root" in each for each in step.onward)
        name, *flags = command.split()

        # Neither somebody else's name nor another beginning ends it.
        wrong = [*flags[:-1], str(int(flags[-1]) - 60)]
        cli("invoke", name, *wrong, *target).refused("session-changed")
        protected = cli("invoke", name, "--id", flags[1], "--user", "backup", "--started", flags[-1], *target)
        assert protected.code == 2
        assert asked(staged)[0].waiting

        cli("invoke", name, *flags, *target, "--hold", "3").is_("fixed", 0, touched="yes")
        assert not asked(staged)[0].waiting
        assert "backup Sleep" in staged.sh(_WHO)
        cli("invoke", name, *flags, *target, "--hold", "3").is_("healthy", 0)
    finally:
        over(staged)


def test_a_plugin_of_the_server_proves_who_holds_a_table(staged: "Staged") -> None:
    try:
        staged.sh("mariadb -e \"INSTALL SONAME 'metadata_lock_info'\"")
        begun(staged, ("agency", "lock tables agencies write"), ("reports", "select count(*) from agencies"))
        aged(staged, 3)
        state, _ = asked(staged)
        (blocker,) = (each for each in state.sessions if each.blocks)
        assert blocker.user == "agency"
        ended(staged)
        # By its id: a page may leave another session of that user for a moment.
        assert (
            str(blocker.id)
            not in staged.sh(
                "mariadb -NBe 'SELECT id FROM information_schema.processlist WHERE command <> \"Killed\"'"
            ).split()
        )
        assert not asked(staged)[0].waiting
    finally:
        staged.sh("mariadb -e \"UNINSTALL SONAME 'metadata_lock_info'\"")
        over(staged)


def test_as_few_long_queries_as_needed_are_ended_at_the_limit(staged: "Staged", cli: "Cli") -> None:
    busy = ConnectionsBusy(app="/home/forge/agency-platform", database="agency", user="agency", table="agencies")
    count = "mariadb -NBe \"SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(600)%'\""
    try:
        # What is left of the test before would be idle for too long, and go first.
        staged.sh(
            "for id in $(mariadb -NBe \"SELECT id FROM information_schema.processlist WHERE user = 'agency' AND"
            ' command = \'Sleep\'"); do mariadb -e "KILL $id" || true; done'
        )
        staged.sh(busy.breaking())
        before = int(staged.sh(count))
        fixed = cli("invoke", "fix.database-down", *target_of(staged), "--hold", "3").is_("fixed", 0, touched="yes")
        assert [each.remedy for each in fixed.steps if each.changed] == ["database.end-queries"]
        left = int(staged.sh(count))
        # Eight of twenty are free then.
        assert 5 <= before - left <= 10
        assert "backup Query" in staged.sh(_WHO)
    finally:
        staged.sh(busy.mending())


def test_a_user_let_in_from_elsewhere_only_is_told_from_a_wrong_password(staged: "Staged", cli: "Cli") -> None:
    moved = AccountElsewhere(app="/home/forge/agency-platform", database="agency", user="agency")
    try:
        staged.sh(moved.breaking())
        refused = cli("invoke", "check.database-down", *target_of(staged)).refused("account-missing")
        assert "agency is let in from web7.example.com, web8.example.com" in problem(refused).message
    finally:
        staged.sh(moved.mending())
