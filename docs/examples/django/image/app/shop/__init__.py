"""The Little Shop: just enough Django and celery to be broken."""

from shop.worker import app as celery

__all__ = ["celery"]
