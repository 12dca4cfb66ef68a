"""Places for faults: hosts that are given up, and left as they were."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from remediate.commands.rehearse import described
from remediate.engine.fleet import select
from remediate.errors import ConfigurationError
from remediate.project.project import Project
from remediate.rehearsal.faults import UnitStopped
from remediate.rehearsal.machine import StagingError
from remediate.rehearsal.places import ContainerPlace, HostPlace, LinkShell, _like
from remediate.transport.link import Channel, LinkLost
from support.incidents import host
from support.rehearsals import GOOD, Asked

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


def test_a_host_with_encrypted_values_is_not_broken(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rehearsal's records are committed, and nothing masks them for one host."""
    inventory = asked.inventory(GOOD)
    given_up = select("web1", Path(inventory))[0].model_copy(update={"vaulted": (SecretStr("hidden.example.com"),)})
    monkeypatch.setattr("remediate.commands.rehearse.select", lambda *_: (given_up,))
    words = asked.usage(host="web1", inventory=inventory, yes=True)
    assert "web1: its inventory holds encrypted values, which a rehearsal's records would show" in words


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
    monkeypatch.setattr("remediate.transport.dialing.open_link", lambda _: wire)
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
    root = DISPOSABLE.model_copy(update={"ssh": replace(DISPOSABLE.ssh, user="root")})
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
        monkeypatch.setattr("remediate.transport.dialing.open_link", lambda _: wire)
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


# -- containers --------------------------------------------------------------------------------------------------------


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
