"""rehearse.* before any fault: one-line errors, and protected hosts stay untouched."""

import io
import textwrap
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from threading import Event

import pytest

from remediate.commands import rehearse as command
from remediate.commands.rehearse import described, rehearse_playbooks
from remediate.commands.terminal import Terminal
from remediate.core.host import Host
from remediate.engine.fleet import select
from remediate.errors import ConfigurationError
from remediate.project.project import Project
from remediate.rehearsal.faults import Fault, UnitStopped
from remediate.rehearsal.machine import StagingError
from remediate.rehearsal.outcome import RehearsalReport, TrialOutcome
from remediate.rehearsal.places import ContainerPlace, HostPlace, LinkShell, Place, _like
from remediate.rehearsal.rehearse import Plan
from remediate.transport.link import Channel, LinkLost
from support.incidents import host
from support.toys import document, masked

OWN = "own:\n  hosts:\n    web1: {ansible_host: 192.0.2.1}\n    web2: {}\n  vars: {remediate: {SETTINGS}}\n"
GOOD = (
    "production: false, disposable: true, php: php8.2, app_path: /srv/app, worker_program: agency-worker,"
    " site_url: 'https://example.com/'"
)


class Asked:
    """A project, and what its command says."""

    def __init__(self, root: Path) -> None:
        self.project = Project(root)
        self.root = root
        self.out, self.err = io.StringIO(), io.StringIO()

    def __call__(self, *names: str, **flags: object) -> int:
        return rehearse_playbooks(
            names or ("app-down",), flags, self.project, Terminal(masked(self.out), masked(self.err), False)
        )

    def usage(self, *names: str, **flags: object) -> str:
        with pytest.raises(ConfigurationError) as caught:
            self(*names, **flags)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def playbook(self, name: str, text: str) -> None:
        (self.root / "playbooks").mkdir(exist_ok=True)
        head = "from remediate.core.playbook import Severity, playbook\n"
        (self.root / "playbooks" / f"{name}.py").write_text(head + textwrap.dedent(text))

    def inventory(self, settings: str) -> str:
        path = self.root / "own.yml"
        path.write_text(OWN.replace("SETTINGS", settings))
        return str(path)


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    def never(*_: object, **__: object) -> object:
        pytest.fail("nothing may be started")

    monkeypatch.setattr(command, "rehearse", never)
    monkeypatch.setattr("remediate.transport.ssh.connection.connect", never)
    return Asked(tmp_path)


# -- flags -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"pairs": "most"}, "--pairs takes none, some, all, not 'most'"),
        ({"containers": "0"}, "--containers takes a number from 1 to 16, not '0'"),
        ({"containers": "many"}, "--containers takes a number from 1 to 16, not 'many'"),
        ({"containers": "17"}, "--containers takes a number from 1 to 16, not '17'"),
        ({"fault": "php-fpm-stoped"}, "no case called php-fpm-stoped; there are: healthy, php-fpm-stopped, "),
        ({"fault": "php-fpm-stopped,nonsense"}, "no case called nonsense; there are: "),
        ({"fault": ""}, "no case called ''; there are: "),
        ({"junit": "/nowhere/x.xml"}, "--junit: /nowhere/x.xml cannot be written"),
        ({"markdown": "/"}, "--markdown: / cannot be written"),
        ({"host": "web1"}, "no inventory"),
    ],
)
def test_a_flag_that_means_nothing(asked: Asked, flags: dict[str, str], words: str) -> None:
    assert words in asked.usage(**flags)


def test_a_pair_is_named_by_both_its_faults_whichever_pairs_are_on(asked: Asked) -> None:
    assert "no case called nginx-stopped+php-fpm-stopped" in asked.usage(fault="nginx-stopped+php-fpm-stopped")


def test_outside_a_project(asked: Asked) -> None:
    asked.project = Project(None)
    assert "mark a directory with [tool.remediate]" in asked.usage()


def test_without_an_engine_nothing_begins(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert "no container engine: podman is not installed" in asked.usage()


def test_without_testinfra_nothing_begins(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remediate.rehearsal.observation.find_spec", lambda _: None)
    assert "pip install 'remediate[rehearsal]'" in asked.usage()


# -- what a playbook declares ------------------------------------------------------------------------------------------

DECLARED = """
    def cases(host):
        BODY


    @playbook(severity=Severity.SEV3, symptoms=lambda host: (), rehearsal=cases)
    def shop(host):
        return ()
"""


TWICE = (
    "from remediate.rehearsal import case, faults;"
    " return [case.unharmed('one', faults.UnitStopped(unit=each)) for each in ('a', 'b')]"
)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return ()", "shop: no case is declared, so nothing can be proven"),
        ("return 7", "the rehearsal of shop: TypeError"),
        ("return [1 / 0]", "the rehearsal of shop: ZeroDivisionError: division by zero"),
        ("return [host.name]", "the rehearsal of shop: AttributeError"),
        (
            "from remediate.rehearsal.faults import UnitStopped; return [UnitStopped(unit='-x')]",
            "the rehearsal of shop: UnitStopped: unit: ",
        ),
        (
            TWICE,
            "the rehearsal of shop has several cases called one",
        ),
    ],
)
def test_a_declaration_with_a_mistake_is_one_line(asked: Asked, body: str, words: str) -> None:
    asked.playbook("shop", DECLARED.replace("BODY", body))
    assert words in asked.usage("shop")


# -- a host of the user's ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings", ["", "production: false", "disposable: true", "production: true, disposable: true"]
)
def test_a_host_that_its_inventory_does_not_give_up_is_not_even_entered(asked: Asked, settings: str) -> None:
    inventory = asked.inventory(settings)
    words = "its inventory has to say `production: false` and `disposable: true`"
    assert words in asked.usage(host="web1", inventory=inventory, yes=True)
    with pytest.raises(ConfigurationError, match="production: false"):
        HostPlace(select("web1", Path(inventory))[0])


def test_a_host_is_not_broken_without_consent(asked: Asked) -> None:
    assert "web1 will be broken again and again: say --yes" in asked.usage(host="web1", inventory=asked.inventory(GOOD))


def test_one_host_at_a_time(asked: Asked) -> None:
    assert "--host names 2" in asked.usage(host="own", inventory=asked.inventory(GOOD), yes=True)


class Wire:
    """A link to a host that answers each command by what stands in it."""

    def __init__(self, *answers: tuple[str, int, str]) -> None:
        self.answers = answers
        self.commands: list[str] = []
        self.closed = False

    def start(self, command: str, *, seconds: float) -> Channel:
        self.commands.append(command)
        for words, status, text in self.answers:
            if words in command:
                return Ended(status, text)
        return Ended(0, "")

    def close(self) -> None:
        self.closed = True


class Ended:
    """A program that is over."""

    def __init__(self, status: int | None, text: str) -> None:
        self._status, self._text = status, text
        self._left = [text.encode()] if status == 0 else []

    def send(self, data: bytes) -> None:
        raise NotImplementedError

    def receive(self, seconds: float | None = None) -> bytes:
        return self._left.pop() if self._left else b""

    def finish(self) -> tuple[int | None, bytes]:
        if self._text == "lost":
            raise LinkLost("the link died")
        return self._status, b"" if self._status == 0 else self._text.encode()

    def close(self) -> None:
        pass


DISPOSABLE = host(production=False, disposable=True, site_url=None)


def enter(monkeypatch: pytest.MonkeyPatch, *answers: tuple[str, int, str]) -> tuple[Wire, str]:
    wire = Wire(*answers)
    monkeypatch.setattr("remediate.transport.ssh.connection.connect", lambda _: wire)
    with pytest.raises(ConfigurationError) as caught:
        HostPlace(DISPOSABLE)
    return wire, str(caught.value)


def test_a_host_without_the_marker_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    wire, why = enter(monkeypatch)
    assert "does not carry /etc/remediate-staging" in why
    assert wire.closed
    assert len(wire.commands) == 2


def test_a_login_that_is_not_root_s_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    wire, why = enter(monkeypatch, ("sudo -n -- /bin/true", 1, "sudo: a password is required\n"))
    assert "can only be broken by root" in why
    assert "a password is required" in why
    assert (wire.closed, len(wire.commands)) == (True, 1)


def test_root_needs_no_sudo_and_a_lost_link_is_no_traceback() -> None:
    root = DISPOSABLE.model_copy(update={"ssh": DISPOSABLE.ssh.model_copy(update={"user": "root"})})
    wire = Wire(("gone", 0, "lost"), ("odd", None, ""), ("wrong", 3, "no such unit\n"))  # type: ignore[arg-type]
    shell = LinkShell(root, wire)
    assert shell.exec(("/bin/echo", "a b")).returncode == 0
    assert wire.commands == ["/bin/echo 'a b' </dev/null"]
    with pytest.raises(StagingError, match="web1: gone: the link died"):
        shell.exec(("gone",))
    with pytest.raises(StagingError, match="ended without saying how"):
        shell.exec(("odd",))
    with pytest.raises(StagingError, match=r"a script failed on web1 \(3\): no such unit"):
        shell.script("wrong")


# -- leaving a host as it was ------------------------------------------------------------------------------------------


class Stubborn(UnitStopped):
    """It cannot be undone."""

    def undo(self, host: object) -> None:
        raise StagingError("systemctl: no such unit")


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[HostPlace, list[object]]]:
    """A place whose host looks in turn as stated."""

    def made(*looks: object) -> tuple[HostPlace, list[object]]:
        left = list(looks)
        wire = Wire(("remediate-staging", 0, "marked\n"))
        monkeypatch.setattr("remediate.transport.ssh.connection.connect", lambda _: wire)
        monkeypatch.setattr(
            "remediate.rehearsal.places.Observer.observe", lambda _: left.pop(0) if len(left) > 1 else left[0]
        )
        monkeypatch.setattr("remediate.rehearsal.places._RESTORE_SECONDS", 0)
        monkeypatch.setattr("remediate.rehearsal.places.time.sleep", lambda _: None)
        return HostPlace(DISPOSABLE), left

    return made


def test_every_fault_is_undone_and_a_host_that_is_as_it_was_is_used_again(
    place: Callable[..., tuple[HostPlace, list[object]]],
) -> None:
    here, _ = place({})
    here.leave((UnitStopped(unit="nginx"), Stubborn(unit="redis")))  # what counts is how the host is
    assert here.fresh()[0] == DISPOSABLE
    link = here._shell._link
    assert isinstance(link, Wire)
    assert any("systemctl start nginx" in each for each in link.commands)


def test_a_host_that_is_not_as_it_was_is_not_broken_again(
    place: Callable[..., tuple[HostPlace, list[object]]],
) -> None:
    from remediate.rehearsal.observation import ObservedItem

    here, _ = place({"nginx": ObservedItem("active")}, {})
    with pytest.raises(StagingError, match=r"undoing `redis is stopped`: systemctl: no such unit; nginx is gone"):
        here.leave((Stubborn(unit="redis"),))
    with pytest.raises(StagingError, match="nothing more is broken there"):
        here.fresh()


# -- containers, and what is told --------------------------------------------------------------------------------------


def test_a_container_is_like_the_staging_host_wherever_that_is_described(tmp_path: Path) -> None:
    inventories = tmp_path / "inventories"
    (inventories / "group_vars").mkdir(parents=True)
    (inventories / "staging.yml").write_text(
        "all:\n children:\n  shops:\n   hosts: {staging: {remediate: {php: php8.1}}}\n"
    )
    (inventories / "group_vars" / "shops.yml").write_text(
        "remediate: {production: false, disposable: true, site_url: 'https://shop.example.com/', health_path: /up}\n"
    )
    example = described(Project(tmp_path))
    (tmp_path / "copy.yml").write_text(_like(example, "rehearsal-1"))
    (copy,) = select("rehearsal-1", tmp_path / "copy.yml")
    assert copy.settings == example.settings
    assert (copy.settings.php, copy.settings.health_path, copy.settings.disposable) == ("php8.1", "/up", True)
    assert copy.groups == example.groups


class FakePlace:
    """Nothing behind it."""

    def __init__(self, name: str = "rehearsal-1") -> None:
        self.name = name

    def fresh(self) -> tuple[Host, object]:
        raise NotImplementedError

    def leave(self, faults: Sequence[Fault]) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise StagingError("podman could not remove the container")


def outcome(name: str, *deviations: str) -> TrialOutcome:
    return TrialOutcome(name=name, fault="odd", expected="fixed", deviations=deviations, seconds=1)


@pytest.fixture
def rehearsing(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Rehearse nothing, and come to what the name of the trial says."""

    def rehearsed(plan: Plan, places: Sequence[Place], *, told: Callable[..., None], stop: Event) -> RehearsalReport:
        from datetime import UTC, datetime

        trials = [outcome(each.name, *(["it lies"] if "masked" in each.name else [])) for each in plan.trials]
        for number, each in enumerate(trials, 1):
            told(number, len(trials), each)
        return RehearsalReport(
            playbook=plan.playbook.name,
            version="0",
            digest="0",
            started=datetime(2026, 11, 23, tzinfo=UTC),
            seconds=1,
            whole=plan.whole,
            trials=tuple(trials),
        )

    def places(*_: object) -> AbstractContextManager[list[object]]:
        return nullcontext([])

    monkeypatch.setattr(command, "rehearse", rehearsed)
    monkeypatch.setattr(command, "_places", places)
    return asked


def test_as_declared_is_0_and_writes_what_was_asked_for(rehearsing: Asked) -> None:
    root = rehearsing.root
    files = {"junit": str(root / "j.xml"), "markdown": str(root / "m.md")}
    assert rehearsing(fault="php-fpm-stopped,healthy", json=True, **files) == 0
    assert "<testsuites>" in (root / "j.xml").read_text()
    assert "# Rehearsal of app-down" in (root / "m.md").read_text()
    assert RehearsalReport.model_validate(document("rehearsal", rehearsing.out.getvalue())).passed
    assert not (root / "docs").exists(), "not every case was tried"
    assert "REHEARSED app-down: 2 of 2" in rehearsing.err.getvalue()


def test_a_deviation_is_5_and_a_whole_rehearsal_is_recorded(rehearsing: Asked) -> None:
    assert rehearsing() == 5
    assert '"passed": false' in (rehearsing.root / "docs/rehearsals/app-down.json").read_text()
    assert "DEVIATES" in rehearsing.err.getvalue()


def test_several_end_with_what_deviated_in_any(rehearsing: Asked) -> None:
    assert rehearsing("app-down", "cache-down") == 5
    assert rehearsing.err.getvalue().splitlines()[-1].startswith("DEVIATES: 0 of 2 playbooks as declared, ")


def test_without_pairs_it_is_no_whole_rehearsal(rehearsing: Asked) -> None:
    rehearsing(pairs="none")
    assert not (rehearsing.root / "docs").exists()


def test_of_all_playbooks_those_that_declare_nothing_are_named(rehearsing: Asked) -> None:
    rehearsing.playbook("shop", DECLARED.replace("BODY", "return ()"))
    assert rehearsing("app-down", "shop", fault="healthy") == 0
    assert "shop declares no case: nothing of it is rehearsed" in rehearsing.err.getvalue()


def test_a_record_that_cannot_be_written_is_one_line(rehearsing: Asked) -> None:
    (rehearsing.root / "docs").write_text("a file")
    with pytest.raises(StagingError, match="docs/rehearsals cannot be written"):
        rehearsing()


def test_a_container_that_cannot_be_removed_does_not_cost_the_report(asked: Asked) -> None:
    place = FakePlace()
    command._closed(place, Terminal(asked.out, asked.err, False))  # type: ignore[arg-type]
    assert "rehearsal-1 is left behind: podman could not remove the container" in asked.err.getvalue()


def test_a_container_place_writes_its_inventory_before_it_starts_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def up(name: str, **given: object) -> object:
        assert select(name, tmp_path / "rehearsals" / f"{name}.yml")[0].settings.disposable
        raise StagingError("no space left")

    monkeypatch.setattr("remediate.rehearsal.places.up", up)
    monkeypatch.setattr("remediate.rehearsal.places.down", lambda *_, **__: ())
    place = ContainerPlace(
        "rehearsal-1",
        directory=tmp_path,
        example=DISPOSABLE,
        installation=lambda _: "",
        image=None,
        progress=lambda _: None,
    )
    with pytest.raises(StagingError, match="no space left"):
        place.fresh()
    place.close()
    assert not (tmp_path / "rehearsals" / "rehearsal-1.yml").exists()
