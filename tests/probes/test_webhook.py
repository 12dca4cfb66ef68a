"""A real webhook's answers, and their meaning."""

import pytest

from remediate.core.command import Output
from remediate.core.host import Settings
from remediate.errors import Unreadable
from remediate.probes.webhook import Webhook, WebhookDelivery, WebhookTrouble
from support import payment_examples as pay
from support.hosts import host_with
from support.this_machine import command_of

PROBE = Webhook(
    php="php8.2",
    path="/home/forge/agency-platform",
    user="forge",
    url="https://staging.example.com/webhooks/stripe",
    secret="services.stripe.webhook_secret",  # the name of a key
    harmless_event="ping.test",
    access_log="/var/log/nginx/webhooks.log",
)

RIGHT = """
remediate:{"secret":true,"curl":true,"wrong":{"status":400,"error":0},"right":{"status":200,"error":0},\
"events":{"accepted":0,"refused":0,"failed":0,"missed":0,"last":0,"complete":true}}
"""
REFUSED = """
remediate:{"secret":true,"curl":true,"wrong":{"status":400,"error":0},"right":{"status":200,"error":0},\
"events":{"last":1795444283,"missed":1,"refused":1,"accepted":0,"failed":0,"complete":true}}
"""
UNREADABLE_LOG = """
remediate:{"secret":true,"curl":true,"wrong":{"status":400,"error":0},"right":{"status":200,"error":0},\
"events":"unreadable"}
"""


def test_a_sound_one() -> None:
    state = PROBE.read(Output(stdout=RIGHT))
    assert (state.ok, state.trouble, state.disowned) == (True, None, False)
    assert state.describe() == "wrong signature 400, right signature 200"


def test_the_provider_is_refused() -> None:
    state = PROBE.read(Output(stdout=REFUSED))
    assert (state.ok, state.trouble, state.disowned) == (False, None, True)
    assert state.describe().endswith("; the provider's last 1 not accepted (2026-11-23 14:31:23Z), and none since")


@pytest.mark.parametrize(
    ("output", "why"),
    [
        (Output(stdout=UNREADABLE_LOG), "/var/log/nginx/webhooks.log cannot be read as forge"),
        (Output(stdout='\nremediate:{"secret":true,"curl":false,"wrong":null}\n'), "has no curl extension"),
        (Output(stdout="\nremediate:[]\n"), "unexpected answer"),
        (Output(stdout=RIGHT[:60]), "PHP ended with 0"),
        (Output(stderr="PHP Fatal error:  Uncaught Error: x\n", exit=255), "PHP ended with 255"),
        (Output(), "PHP ended with 0: no output"),
    ],
)
def test_what_cannot_be_told_is_unknown(output: Output, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        PROBE.read(output)


@pytest.mark.parametrize(
    ("wrong", "right", "trouble"),
    [
        *((status, 200, None) for status in (400, 401, 403, 422)),
        *((status, 204, None) for status in (400,)),
        *((status, status, WebhookTrouble.GATEWAY) for status in (502, 503, 504)),
        *((status, status, WebhookTrouble.FAILING) for status in (500, 501, 599)),
        *((status, status, WebhookTrouble.GONE) for status in (404, 410)),
        *((status, status, WebhookTrouble.MOVED) for status in (301, 302, 308)),
        (405, 405, WebhookTrouble.METHOD),
        (419, 419, WebhookTrouble.SESSION),
        (429, 429, WebhookTrouble.LIMITED),
        (418, 418, WebhookTrouble.ODD),
        (101, 101, WebhookTrouble.ODD),
        (200, 200, WebhookTrouble.FORGEABLE),
        (204, None, WebhookTrouble.FORGEABLE),
        (400, 400, WebhookTrouble.REJECTS),
        (403, 401, WebhookTrouble.REJECTS),
        (400, 500, WebhookTrouble.FAILING),  # only what is rightly signed gets that far
    ],
)
def test_what_it_means(wrong: int, right: int | None, trouble: WebhookTrouble | None) -> None:
    state = pay.webhook(wrong, right)
    assert (state.trouble, state.ok) == (trouble, trouble is None)


def test_without_a_secret_and_without_an_answer() -> None:
    assert pay.webhook(400, None, secret=False).trouble is WebhookTrouble.UNSIGNED
    assert pay.webhook(500, None, secret=False).trouble is WebhookTrouble.FAILING
    silent = pay.webhook().model_copy(update={"wrong": WebhookDelivery(status=0, error=28)})
    assert (silent.trouble, silent.ok) == (WebhookTrouble.SILENT, False)
    assert silent.describe() == "does not answer: wrong signature no answer (curl 28), right signature 200"


def test_what_the_provider_was_answered_counts() -> None:
    assert pay.webhook(events=pay.delivered(accepted=3)).ok is True
    assert pay.webhook(events=pay.delivered(accepted=3, failed=1)).ok is False
    # Before the configuration in use was written: to be sent again, and no fault of what is there now.
    # What is there now may be wrong in the same way, so nobody knows until the provider has come again.
    earlier = pay.webhook(events=pay.delivered(missed=4))
    assert (earlier.ok, earlier.disowned) == (None, False)
    assert "the provider's last 4 not accepted (2026-11-23 14:31:23Z), and none since" in earlier.describe()


def test_what_only_refuses_may_refuse_everybody() -> None:
    # A firewall answers 403 to whoever comes: nothing rightly signed was accepted, neither ours nor the provider's.
    for wrong in (400, 401, 403, 422):
        blocked = pay.webhook(wrong, None)
        assert (blocked.trouble, blocked.ok) == (None, None)
        assert blocked.describe().endswith("; whether a right signature is accepted is unknown")
        assert pay.webhook(wrong, None, events=pay.delivered()).ok is None
        assert pay.webhook(wrong, None, events=pay.delivered(accepted=1)).ok is True


def test_a_log_of_which_too_little_could_be_read_says_nothing() -> None:
    assert pay.webhook(events=pay.delivered()).ok is True
    cut = pay.webhook(events=pay.delivered(complete=False))
    assert cut.ok is None
    assert cut.describe().endswith("; the readable part of the log is too short to know the answers to the provider")
    # What it does hold counts.
    assert pay.webhook(events=pay.delivered(accepted=1, complete=False)).ok is True
    assert pay.webhook(events=pay.delivered(refused=1, complete=False)).ok is False


def test_the_question_holds_no_secret_and_names_everything_else() -> None:
    run = command_of(PROBE)
    assert (run.argv[:2], run.user, run.stdin) == (("/usr/bin/php8.2", "-r"), "forge", None)
    assert run.argv[3:] == (
        *("--", "/home/forge/agency-platform", "https://staging.example.com/webhooks/stripe"),
        *("services.stripe.webhook_secret", "ping.test", "/var/log/nginx/webhooks.log"),
    )


def test_an_authority_of_ones_own_is_trusted() -> None:
    certificate = {"name": "example.com", "domain": "example.com", "ca": "/etc/ssl/own.pem"}
    stated = {"site_url": "https://example.com/", "webhook_path": "/hook", "app_path": "/srv/app", "php": "php8.3"}
    probe = Webhook.of(host_with({**stated, "certificate": certificate}))
    assert probe is not None
    run = command_of(probe)
    assert run.argv[-2:] == ("-", "/etc/ssl/own.pem")
    with pytest.raises(Unreadable, match=r"/etc/ssl/own\.pem \(certificate\.ca\) cannot be read as forge"):
        probe.read(Output(stdout=RIGHT.replace('"wrong":{"status":400,"error":0}', '"wrong":{"status":0,"error":77}')))


def test_it_is_asked_where_the_inventory_says_enough() -> None:
    stated = {"site_url": "https://example.com/", "webhook_path": "/hook", "app_path": "/srv/app", "php": "php8.3"}
    host = host_with(stated)
    probe = Webhook.of(host)
    assert probe is not None
    assert (probe.url, probe.harmless_event, probe.user) == ("https://example.com/hook", None, "forge")
    for key in stated:
        less = Settings.model_validate({name: value for name, value in stated.items() if name != key})
        assert Webhook.of(host.model_copy(update={"settings": less})) is None
