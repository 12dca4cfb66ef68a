"""Texts about many hosts: bounded, and with the number of what they leave out."""

from remediate.core.few import few
from remediate.incident.events import Confirmed, PlanDecided, Resolved
from remediate.incident.messages import MessageKind, Templates, render
from remediate.incident.postmortem import mended_by, sections
from remediate.incident.resolution import Check, _not_asked
from remediate.incident.settings import Audience
from remediate.incident.template_context import MessageText, template_context
from remediate.incident.timeline import entries
from remediate.incident.update_text import state_of
from remediate.masking.masker import Masker
from support.toy_incidents import SETTINGS, folded, minutes, run, step

HOSTS = tuple(f"a-host-with-a-name-of-some-length-{number}" for number in range(1000))
LONGEST = 5000


def test_a_list_says_how_many_it_leaves_out() -> None:
    assert few(["a", "b", "a"]) == "a, b"
    assert few(map(str, range(10)), "; ", 2) == "0; 1; and 8 more"


def test_what_is_said_of_a_run_on_a_thousand_hosts_is_bounded() -> None:
    steps = [step(host=name, why=f"php8.3-fpm.service on {name} is failed", title=f"of {name}") for name in HOSTS]
    incident = folded(
        (3, run("fixed", *steps, hosts=HOSTS, error="; ".join(HOSTS[:8]))),
        (4, PlanDecided(decision="approved", plan="7f3a", playbook="app-down", hosts=HOSTS)),
        (5, run(None, *steps, hosts=HOSTS)),
        (
            6,
            Resolved(confirmed=tuple(Confirmed(playbook="p", host=name, verdict="healthy", run="r") for name in HOSTS)),
        ),
    )
    told = entries(incident)
    texts = {"title": [entry.title for entry in told], "details": ["".join(entry.details) for entry in told]}
    texts["lines"] = [
        mended_by(folded((3, run("fixed", *steps, hosts=HOSTS)))),
        state_of(incident),
        _not_asked(Check("app-down", HOSTS), "r", "").host,
    ]
    context = template_context(incident, MessageText(), SETTINGS, minutes(7))
    texts["message"] = [
        render(incident, kind, Audience.INTERNAL, context, templates=Templates(), masker=Masker(), now=minutes(7)).body
        for kind in (MessageKind.UPDATE, MessageKind.RESOLUTION)
    ]
    texts |= {part.name: [part.text] for part in sections(incident, (), SETTINGS, minutes(7), "ana")}
    long = {name: max(map(len, each)) for name, each in texts.items()}
    assert {name: size for name, size in long.items() if size > LONGEST} == {}
    counted = [text[:20] for text in texts["title"] + texts["lines"] if "and 992 more" in text]
    assert len(counted) == 6, counted
