"""The celery application and its one task."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
app = Celery("shop", broker="redis://127.0.0.1:6379/0")


@app.task
def place_order() -> None:
    """Write an order."""
    from shop.models import Order

    Order.objects.create()
