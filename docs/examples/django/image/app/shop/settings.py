"""Settings of the shop: SQLite, and Redis as celery's broker."""

from pathlib import Path

_BASE = Path(__file__).resolve().parents[1]

SECRET_KEY = (_BASE / "secret").read_text()
ALLOWED_HOSTS = ["staging.example.com", "127.0.0.1"]
INSTALLED_APPS = ["shop"]
ROOT_URLCONF = "shop.pages"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": _BASE / "data" / "shop.sqlite3"}}
BROKER = "redis://127.0.0.1:6379/0"
