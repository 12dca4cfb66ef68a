"""maintain.*: exit codes for cron, one-line errors, and requested documents."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from remediate.commands import maintain as command
from remediate.commands.maintain import NotWritten, look, tell_status
from remediate.core.host import Host
from remediate.errors import ConfigurationError, RemediateError
from remediate.maintenance.history import History
from remediate.maintenance.schedule import Occasion
from remediate.project.project import Project
from support.command_box import typed
from support.printed import Printed
from support.stubs import stub
from support.toy_maintenance import report, result
from support.toys import document

INVENTORY = "shop:\n  hosts:\n    web1: {ansible_host: 127.0.0.1, ansible_port: 1, remediate: {php: php8.2}}\n"


class Shop(Printed):
    """A project with one host that nobody reaches."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root
        (root / "inventories").mkdir()
        (root / "inventories/shop.yml").write_text(INVENTORY)
        self.settings("")
        self.project = Project(root)

    def settings(self, text: str) -> None:
        (self.root / "pyproject.toml").write_text(f"[tool.remediate]\n{text}")

    def look(self, about: Occasion = Occasion.MONTHLY, /, **flags: object) -> int:
        return look(about, {"host": "web1", **flags}, self.project, self.terminal)

    def status(self, **flags: object) -> int:
        return tell_status(flags, self.project, self.terminal, program="remediate")

    def history(self) -> History:
        return History.open(self.project.journal(), project=self.project.identity())


@pytest.fixture
def shop(tmp_path: Path, state: Path) -> Shop:
    root = tmp_path / "shop"
    root.mkdir()
    return Shop(root)


def test_the_host_of_a_restore_has_no_encrypted_values(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The report is about another host, and masks that one's."""

    class Finding:
        def __init__(self, *, find: Callable[[str], Host], **_: object) -> None:
            self.find = find

        def examine(self, *_: object) -> None:
            self.find("web1")

    (tmp_path / "bin").mkdir()
    stub(tmp_path / "bin/ansible-vault", "printf hidden.example.com")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    (shop.root / "inventories/host_vars").mkdir()
    sealed = "ansible_user: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  61\n"
    (shop.root / "inventories/host_vars/web1.yml").write_text(sealed)
    monkeypatch.setattr("remediate.commands.maintain.Examiner", Finding)
    with pytest.raises(ConfigurationError, match="web1: its inventory holds encrypted values, which the report of"):
        shop.look()


def test_a_host_that_is_not_reached_is_5_and_documented_and_goes_on_being_due(shop: Shop) -> None:
    document = shop.root / "report.md"
    assert shop.look(markdown=str(document)) == 5
    assert "?     web1 was not reached: " in shop.out.getvalue()
    assert "Not reached: " in document.read_text()
    with shop.history() as history:
        (kept,) = history.latest()
        assert history.done() == {}
    assert (kept.occasion, kept.exit_code, kept.subjects[0].name) == (Occasion.MONTHLY, 5, "web1")


def test_a_document_that_cannot_be_written_costs_only_itself(shop: Shop) -> None:
    with pytest.raises(NotWritten, match="No space left"):
        shop.look(markdown="/dev/full")
    assert "?     web1 was not reached: " in shop.out.getvalue()
    with shop.history() as history:
        assert len(history.latest()) == 1


def test_the_json_document_is_the_only_line_of_the_output(shop: Shop) -> None:
    assert shop.look(json=True) == 5
    assert document("maintenance", shop.out.getvalue())["exit_code"] == 5


def test_the_review_needs_no_host_and_no_inventory(shop: Shop) -> None:
    (shop.root / "inventories/shop.yml").unlink()
    assert shop.look(Occasion.QUARTERLY, host=None) == 5
    assert "maintain.quarterly on the team" in shop.out.getvalue()


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"host": None}, "--host is missing"),
        ({"host": "web9"}, "web9"),
        ({"markdown": "/nowhere/report.md"}, "--markdown: /nowhere/report.md cannot be written"),
        ({"inventory": "/nowhere.yml"}, "/nowhere.yml"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_looked_at(shop: Shop, flags: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        shop.look(Occasion.MONTHLY, **flags)
    assert "\n" not in str(caught.value)
    with shop.history() as history:
        assert history.latest() == ()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            "[tool.remediate.maintenance]\nspeed = 3\n",
            "maintenance: speed: unknown key; accepted: owners, ",
        ),
        ("[tool.remediate.maintenance.owners]\ncofee = 'Ana'\n", "owners names cofee, which is none of "),
        ("[tool.remediate.maintenance]\nowner = 3\n", "owner: unknown key; did you mean owners? accepted: owners, "),
        (
            "[tool.remediate.maintenance]\nrehearsed_within_days = 'often'\n",
            "_within_days: must be a whole number",
        ),
        (
            "[tool.remediate.maintenance]\nrehearsed_within_days = 0\n",
            "rehearsed_within_days: must be at least 1",
        ),
        ("[tool.remediate]\nmaintenance = 3\n".removeprefix("[tool.remediate]\n"), "tool.remediate.maintenance"),
    ],
)
def test_wrong_settings_are_one_line_that_names_the_key(shop: Shop, settings: str, told: str) -> None:
    shop.settings(settings)
    for asked in (shop.look, shop.status):
        with pytest.raises(ConfigurationError) as caught:
            asked()
        assert told in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_document_that_cannot_be_written_after_all_is_told_after_the_report(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "file_of", lambda *_: shop.root)
    with pytest.raises(RemediateError, match="shop cannot be written: Is a directory"):
        shop.look()
    assert "was not reached" in shop.out.getvalue()


def test_status_says_what_is_open_and_is_0_whatever_is_overdue(shop: Shop) -> None:
    with shop.history() as history:
        history.keep(report(result(False)))
    assert shop.status() == 0
    assert "monthly     web1                      2026-11-23 18:00Z  open: capacity" in shop.out.getvalue()
    assert shop.status(json=True) == 0
    document("maintenance-status", shop.out.getvalue().splitlines()[-1])


def test_the_file_for_prometheus_holds_hosts_and_playbooks(shop: Shop) -> None:
    with shop.history() as history:
        history.keep(report(result(None)))
    path = shop.root / "remediate.prom"
    assert shop.status(prometheus=str(path)) == 0
    text = path.read_text()
    assert 'answer="unknown",item="capacity",occasion="monthly",subject="web1"} 1.0' in text
    assert 'remediate_rehearsal_passed{playbook="app-down"}' in text


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("results.txt", "--prometheus: results.txt has to end in .prom, or node_exporter skips it"),
        ("/nowhere/a.prom", "--prometheus: /nowhere/a.prom cannot be written"),
    ],
)
def test_a_file_that_would_be_read_by_nobody_is_refused(shop: Shop, path: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        shop.status(prometheus=path)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("maintain.monthly",), 2),
        (("maintain.monthly", "--host", "web9"), 2),
        (("maintain.monthly", "--hots", "web1"), 2),
        (("maintain.quarterly", "--host", "web1"), 2),
        (("maintain.status", "--prometheus", "a.txt"), 2),
        (("maintain.monthly", "--host", "web1"), 5),
        (("maintain.quarterly",), 5),
        (("maintain.status",), 0),
    ],
)
def test_what_cron_sees(shop: Shop, state: Path, words: tuple[str, ...], code: int) -> None:
    said = typed(shop.root, state, *words)
    assert said.code == code, said.err
    if code == 2:
        said.usage()
        assert said.out == ""
    assert "Traceback" not in said.err
