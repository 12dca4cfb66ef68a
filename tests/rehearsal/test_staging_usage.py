"""Usage errors: one line, exit code 2, a document with --json, no host touched."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.outcomes import problem

if TYPE_CHECKING:
    from support.command_line import Cli
    from support.staged_host import Staged

pytestmark = pytest.mark.container

HERE = ("--host", "HOST", "--inventory", "INVENTORY")
WRONG = {
    "unknown host": (("--host", "nowhere", "--inventory", "INVENTORY"), ("nowhere",)),
    "pattern without match": (("--host", "web*", "--inventory", "INVENTORY"), ("web*",)),
    "empty group": (("--host", "nobody", "--inventory", "EMPTY"), ("nobody",)),
    "no host": (("--inventory", "INVENTORY"), ("--host",)),
    "no such inventory": (("--host", "HOST", "--inventory", "/nowhere.yml"), ("/nowhere.yml",)),
    "bad inventory": (
        ("--host", "HOST", "--inventory", "UNKNOWN_KEY"),
        ("unknown_key.yml:4: all.hosts.", ".remediate.site_urk: ", "did you mean site_url?"),
    ),
    "bad hold": ((*HERE, "--hold", "x"), ("--hold",)),
    "negative hold": ((*HERE, "--hold", "-1"), ("--hold",)),
    "no hosts at all": ((*HERE, "--max-hosts", "0"), ("--max-hosts",)),
    "bad wait": ((*HERE, "--wait", "soon"), ("--wait",)),
    "unknown override": ((*HERE, "--override", "everything=yes"), ("everything", "start-limit-hit")),
    "override that cannot be": ((*HERE, "--override", "config-broken=trust me"), ("config-broken",)),
    "override without a reason": ((*HERE, "--override", "start-limit-hit"), ("CODE=why",)),
    "reason of two lines": ((*HERE, "--reason", "a\nb"), ("--reason",)),
}


@pytest.fixture
def words(staged: "Staged", tmp_path: Path) -> dict[str, str]:
    empty = tmp_path / "empty.yml"
    empty.write_text("nobody:\n  hosts:\nsomebody:\n  hosts: {one: {}}\n")
    unknown = tmp_path / "unknown_key.yml"
    unknown.write_text(f"all:\n  hosts:\n    {staged.name}:\n      remediate: {{site_urk: 'https://example.com/'}}\n")
    return {
        "HOST": staged.name,
        "INVENTORY": str(staged.inventory),
        "EMPTY": str(empty),
        "UNKNOWN_KEY": str(unknown),
    }


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage(staged: "Staged", cli: "Cli", words: dict[str, str], case: str) -> None:
    flags, expected = WRONG[case]
    argv = ("invoke", "fix.app-down", *(words.get(flag, flag) for flag in flags))

    plain, document = (running.end() for running in [cli.start(*argv), cli.start(*argv, "--json")])

    plain.usage(*expected)
    assert plain.out == ""
    document.usage(*expected)
    report = document.report
    assert (report.verdict, report.touched.value, report.hosts) == (None, "no", ())
    assert problem(report).message in document.err
    assert staged.logins() == 0


def test_ways_of_calling_that_would_lie(staged: "Staged", cli: "Cli") -> None:
    here = ("--host", staged.name, "--inventory", str(staged.inventory))
    dry = cli.start("invoke", "--dry", "fix.app-down", *here)
    two = cli.start("invoke", "fix.app-down", *here, "do.php-fpm.restart", *here)
    fab = cli.start("fab", "-H", "127.0.0.1", "fix.app-down", *here)
    flag = cli.start("remediate", "fix.app-down", *here, "--no-such-flag")
    task = cli.start("remediate", "fix.everything")
    dry.end().usage("--plan")
    two.end().usage("one at a time", "fix.app-down", "do.php-fpm.restart")
    fab.end().usage("--host")
    flag.end().usage("--no-such-flag")
    task.end().usage("fix.everything")
    assert staged.logins() == 0
