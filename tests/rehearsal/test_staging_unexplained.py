"""app-down on a real host without a known cause: nothing is changed, and what does not fit is said."""

from typing import TYPE_CHECKING

import pytest

from support.outcomes import problem

if TYPE_CHECKING:
    from support.command_line import Cli
    from support.staged_host import Staged
pytestmark = pytest.mark.container


APP = "/home/forge/agency-platform"


def test_an_unknown_cause_is_unexplained(staged: "Staged", cli: "Cli") -> None:
    """Everything runs and answers, and nginx was told to say 500: nothing that a restart would change."""
    staged.misdirect("/root .*public;/a return 500;", 500)
    everything = staged.bystanders()

    host = cli.fix().refused("unexplained")

    assert " 500" in problem(host).message
    assert staged.bystanders() == everything


def test_what_was_compared_and_does_not_fit_is_told_with_it(staged: "Staged", cli: "Cli") -> None:
    """nginx asks a socket that no pool has, its own error log says so, and a folder of views belongs to root."""
    log = "/var/log/nginx/own-error.log"
    staged.sh(f"chown root:root {APP}/storage/framework/views; chmod 755 {APP}/storage/framework/views")
    staged.sh(f"sed -i '/root .*public;/a error_log {log};' /etc/nginx/sites-available/agency-platform")
    staged.misdirect("s|unix:/run/php/php8.2-fpm.sock;|unix:/run/php/shop.sock;|", 502)
    everything = staged.bystanders()

    host = cli.fix().refused("unexplained")

    told = (
        "nginx asks /run/php/shop.sock, which does not exist: pool www of php8.2 listens on /run/php/php8.2-fpm.sock",
        "forge cannot write storage/framework/views (root:root 755)",
    )
    assert all(each in problem(host).message for each in told)
    (site,) = (reading.value for reading in host.before if reading.probe == "nginx.site")
    (logs,) = (reading.value for reading in host.before if reading.probe == "nginx.log")
    assert isinstance(site, dict)
    assert site["error_logs"] == [log]
    assert isinstance(logs, dict)
    assert "connect() to unix:/run/php/shop.sock failed (2: No such file" in str(logs["files"])
    assert staged.bystanders() == everything


def test_a_socket_that_nginx_may_not_connect_to_is_told(staged: "Staged", cli: "Cli") -> None:
    staged.sh("chown forge:forge /run/php/php8.2-fpm.sock; chmod 600 /run/php/php8.2-fpm.sock")
    assert staged.outside() == 502

    host = cli.fix().refused("unexplained")

    assert (
        "nginx asks /run/php/php8.2-fpm.sock, to which www-data may not connect (forge:forge rw-------)"
        in problem(host).message
    )


def test_a_healthy_site_is_compared_as_well(staged: "Staged", cli: "Cli") -> None:
    host = cli.check().is_("healthy", 0)

    seen = {reading.probe: (reading.ok, reading.note) for reading in host.before}
    assert seen["nginx.site"] == (True, "/run/php/php8.2-fpm.sock")
    assert seen["laravel.folders"] == (True, "forge can write them")
    assert not seen["nginx.log"][1].startswith("unknown")


def test_a_redirect_is_not_a_page(staged: "Staged", cli: "Cli") -> None:
    plain = staged.inventory_with(
        site_url="http://staging.example.com/", site_resolve=f"127.0.0.1:{staged.host.ports.http}", health_path=None
    )

    host = cli.fix(inventory=plain).refused("unexplained")

    assert "301 to https://staging.example.com/" in problem(host).message


def test_another_page_is_not_the_page(staged: "Staged", cli: "Cli") -> None:
    other = staged.inventory_with(site_contains="Something else")

    host = cli.fix(inventory=other).refused("unexplained")

    assert "200, but not the right page" in problem(host).message


def test_a_bad_gateway_of_another_cause_restarts_nothing(staged: "Staged", cli: "Cli") -> None:
    staged.misdirect("s/php8.2-fpm.sock/elsewhere.sock/", 502)
    everything = staged.bystanders()
    staged.mark()

    cli.fix().refused("unexplained")

    assert staged.bystanders() == everything
    assert staged.starts() == 0
