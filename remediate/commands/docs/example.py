"""The example host of the generated pages."""

from remediate.core.host import Host, Settings, SshTarget

EXAMPLE = Host(
    name="web1",
    ssh=SshTarget(address="web1.example.com", user="forge"),
    settings=Settings.model_validate(
        {
            "site_url": "https://example.com/",
            "health_path": "/health",
            "app_path": "/home/forge/agency-platform",
            "php": "php8.3",
            "worker_program": "agency-worker",
            "database": {"unit": "mariadb", "port": 3306, "user": "agency"},
            "redis": {"unit": "redis-server", "port": 6379},
            "webhook_path": "/webhooks/stripe",
            "payments": {
                "harmless_event": "ping.test",
                "access_log": "/var/log/nginx/webhooks.log",
                "jobs": [{"name": r"App\Jobs\RecordStripePayment", "idempotent": True, "max_age_hours": 24}],
            },
            "certificate": {"name": "example.com", "domain": "example.com"},
            "log_paths": ["/var/log/nginx/access.log", "/home/forge/agency-platform/storage/logs/laravel.log"],
            "restartable_units": ["agency-import"],
        }
    ),
)
"""The example host of the generated pages."""
