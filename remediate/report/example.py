"""The host that pages speak of."""

from remediate.host import Host, Settings, SshTarget

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
        }
    ),
)
"""The host that pages speak of."""
