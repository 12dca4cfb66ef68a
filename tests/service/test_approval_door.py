"""Approvals over HTTP: who may, and what a browser is told."""

from pathlib import Path

import pytest

from remediate.approvals.proposal import ApprovalMeans, ProposalState, Requester
from remediate.errors import ConfigurationError
from remediate.project.project import Project
from remediate.service import login_sessions, people
from remediate.service.approval_door import ApprovalDoor
from remediate.service.settings import service_settings
from support.approval_door import HERE, Served
from support.approving import planned

PUBLIC = "https://remediate.example.com"


# -- what a person does ------------------------------------------------------------------------------------------------


def test_a_person_logs_in_reads_the_plan_and_approves_it_once(served: Served) -> None:
    made = served.propose()
    bob = served.browser()
    first = bob.get(f"/approvals/{made.hash}")
    assert (first.status_code, made.hash in first.text, "web1" in first.text) == (401, True, False)
    answer = bob.log_in("bob", next=made.hash)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/approvals/{made.hash}")
    shown = bob.get(f"/approvals/{made.hash}").text
    assert "sudo -n systemctl restart nginx.service" in shown
    assert "ana@laptop (not authenticated)" in shown
    assert shown.index("What it does") < shown.index("What may break") < shown.index("Approve exactly this, as bob")
    approved = bob.approve(made)
    assert (approved.status_code, f"You have approved plan {made.shown}." in approved.text) == (200, True)
    assert (served.state(made), served.woken) == (ProposalState.APPROVED, 1)
    (approval,) = served.approvals().find(made.hash).approvals
    assert (approval.approver.name, approval.approver.how) == ("bob", ApprovalMeans.SERVICE_LOGIN)
    assert served.approvals().spend(planned(), made.hash, "run-2").approvers[0].name == "bob"
    assert "was run already" in bob.get(f"/approvals/{made.hash}").text


def test_the_plans_that_wait_are_listed_to_who_logged_in(served: Served) -> None:
    assert served.browser().get("/approvals").status_code == 401
    bob = served.browser("bob")
    assert "No plan waits for approval." in bob.get("/approvals").text
    made = served.propose()
    assert f'<a href="/approvals/{made.hash}">do.nginx.restart on web1</a>' in bob.get("/approvals").text


def test_who_logs_out_is_out(served: Served) -> None:
    made, bob = served.propose(), served.browser("bob")
    form, cookie = bob.read(made), bob.client.cookies["remediate"]
    assert bob.post("/logout", {}).status_code == 303
    bob.client.cookies.set("remediate", cookie)
    assert (bob.approve(made, form).status_code, served.state(made)) == (401, ProposalState.PROPOSED)


def test_another_process_says_that_it_does_not_know_a_login_and_approves_nothing(served: Served) -> None:
    made, bob = served.propose(), served.browser("bob")
    form = bob.read(made)
    served.restart()
    there = bob.again()
    refused = there.approve(made, form)
    assert (refused.status_code, served.state(made)) == (401, ProposalState.PROPOSED)
    assert "Nothing was approved. This process of the service does not know your login:" in refused.text
    for path in ("/approvals", f"/approvals/{made.hash}"):
        shown = there.get(path)
        assert (shown.status_code, "does not know your login" in shown.text) == (401, True)
        assert "Nothing was approved" not in shown.text  # Somebody may have approved it elsewhere.
        assert "does not know your login" not in served.browser().get(path).text
    assert there.log_in("bob").status_code == 303
    assert there.approve(made).status_code == 200


def test_a_login_does_not_last(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_sessions, "SECONDS", 0)
    bob = served.browser("bob")
    assert bob.get("/approvals").status_code == 401


# -- who may not -------------------------------------------------------------------------------------------------------


def test_who_is_not_in_allowed_signers_approves_nothing(served: Served) -> None:
    """One rule for the terminal and for HTTP: eve may log in, and is not listed."""
    made = served.propose()
    refused = served.browser("eve").approve(made)
    assert (refused.status_code, "does not let &#39;eve&#39; approve now" in refused.text) == (403, True)
    bob = served.browser("bob")
    form = bob.read(made)
    served.team.allow("ana", "remediate-service")  # Bob was removed after he had logged in.
    assert bob.approve(made, form).status_code == 403
    assert served.state(made) is ProposalState.PROPOSED


def test_who_asked_does_not_approve(tmp_path: Path) -> None:
    served = Served(tmp_path, approvals="second_person = true")
    made = served.propose(requester=Requester("bob", authenticated=True))
    refused = served.browser("bob").approve(made)
    assert (refused.status_code, "bob asked for plan" in refused.text) == (403, True)
    assert served.browser("ana").approve(made).status_code == 200
    assert served.state(made) is ProposalState.APPROVED


def test_a_wrong_token_is_nobody_s_and_guessing_is_slow(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    eve = served.browser()
    for guess in ("", served.tokens["eve"], served.tokens["bob"][:-1], f"{served.tokens['bob']}0", "\udcff", "é"):
        answer = eve.log_in("bob", guess.encode("utf-8", "replace").decode())
        assert (answer.status_code, "set-cookie" in answer.headers) == ((401 if guess != "é" else 429), False)
    assert eve.log_in("bob").status_code == 429  # The right one is not looked at either.
    monkeypatch.setattr(people, "_WINDOW", 0.0)
    assert eve.log_in("bob").status_code == 303


# -- what a browser is told --------------------------------------------------------------------------------------------


def test_every_page_says_that_it_is_framed_stored_and_scripted_by_nobody(served: Served) -> None:
    made, bob = served.propose(), served.browser("bob")
    answers = [
        served.browser().get(f"/approvals/{made.hash}"),
        bob.get(f"/approvals/{made.hash}"),
        bob.get("/approvals"),
        bob.get(f"/approvals/{'f' * 64}"),
        bob.approve(made),
        bob.approve(made, "", {}),
        bob.log_in("bob", "wrong"),
        bob.log_in("bob"),
        bob.post("/logout", {}),
    ]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "<script" not in answer.text
        assert " style=" not in answer.text


def test_the_cookie_is_for_this_site_alone(served: Served, tmp_path: Path) -> None:
    cookie = served.browser().log_in("bob").headers["set-cookie"].lower()
    assert {"httponly", "samesite=strict", "path=/", "max-age=1800"} <= set(cookie.split("; "))
    assert "secure" not in cookie  # Over loopback there is no TLS.
    (tmp_path / "other").mkdir()
    public = Served(tmp_path / "other", service=f'public = "{PUBLIC}"')
    bob = public.browser(base=PUBLIC)
    cookie = bob.log_in("bob").headers["set-cookie"]
    assert cookie.startswith("__Host-remediate=")
    assert "secure" in cookie.lower().split("; ")
    assert bob.approve(public.propose()).status_code == 200
    local = public.browser(base=HERE)  # From then on, that address is the only one.
    assert local.log_in("bob").status_code == 403


def test_the_usual_port_in_the_public_address_is_the_same_address(tmp_path: Path) -> None:
    served = Served(tmp_path, service=f'public = "{PUBLIC}:443"')
    assert served.browser("bob", base=PUBLIC).approve(served.propose()).status_code == 200


def test_a_plan_that_cannot_be_read_is_not_said_to_be_unknown(served: Served) -> None:
    made, bob = served.propose(), served.browser("bob")
    settings = served.team.root / "pyproject.toml"
    settings.write_text(
        settings.read_text().replace("[tool.remediate.approvals]", "[tool.remediate.approvals]\nkey = 1")
    )
    for path in ("/approvals", f"/approvals/{made.hash}"):
        answer = bob.get(path)
        assert (answer.status_code, "Its log says why." in answer.text) == (503, True)


def test_what_a_host_or_a_label_says_is_shown_as_text(served: Served) -> None:
    evil = "<img src=x onerror=alert(1)>$(touch /tmp/x)\u202e\x1b[2J{{ 7*7 }}\n"
    (host,) = planned().hosts
    step = host.steps[0].model_copy(update={"why": evil, "title": evil, "commands": (evil,)})
    made = served.propose(
        planned()._replace(playbook=evil, hosts=(host._replace(steps=(step,)),)), requester=Requester(evil)
    )
    bob = served.browser("bob")
    for text in (bob.get(f"/approvals/{made.hash}").text, bob.get("/approvals").text, bob.approve(made).text):
        assert "<img" not in text
        assert "&lt;img src=x onerror=alert(1)&gt;$(touch /tmp/x)\\u202e{{ 7*7 }}\\n" in text


def test_no_secret_and_no_token_is_on_a_page(served: Served) -> None:
    made = served.propose(planned(secret="hunter2secret", step="hunter2secret"))
    bob = served.browser("bob")
    text = bob.get(f"/approvals/{made.hash}").text + bob.approve(made).text + bob.log_in("bob", "hunter2wrong").text
    assert "hunter2" not in text
    assert not any(token in text for token in served.tokens.values())


# -- settings ----------------------------------------------------------------------------------------------------------


def door(served: Served, **changed: object) -> ApprovalDoor | None:
    settings = service_settings(served.team.root).model_copy(update=changed)
    return ApprovalDoor.of(Project(served.team.root), settings, lambda: None)


def test_without_persons_there_is_no_door(served: Served) -> None:
    assert door(served, people={}) is None


def test_what_would_let_nobody_or_anybody_approve_is_told_at_the_start(served: Served, tmp_path: Path) -> None:
    (tmp_path / "short").write_text("hunter2\n")
    one = {"bob": f"file:{tmp_path}/bob.token"}
    for changed, said in (
        ({"approval_key": None}, "approval_key has to name the service's SSH key"),
        ({"approval_key": tmp_path / "none"}, "none does not exist"),
        ({"approval_key": served.team.key("bob")}, "is the key of bob: give it one of its own"),
        ({"people": {"bob": f"file:{tmp_path}/short"}}, "a token has at least 32 characters"),
        ({"people": {**one, "rob": one["bob"]}}, "somebody else has the same token"),
        ({"people": {"remediate-service": one["bob"]}}, "takes the name of a person"),
        ({"people": {"b*": one["bob"]}}, "takes the name of a person"),
    ):
        with pytest.raises(ConfigurationError) as error:
            door(served, **changed)
        assert said in str(error.value)
        assert "hunter2" not in str(error.value)
    with pytest.raises(ConfigurationError, match="public"):
        Served(tmp_path, service='public = "http://remediate.example.com"')
