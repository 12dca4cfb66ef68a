"""The shop's pages."""

import redis
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from shop.models import Order
from shop.worker import place_order


def home(_: HttpRequest) -> HttpResponse:
    """Show how many orders there are."""
    return HttpResponse(f"<h1>The Little Shop</h1><p>{Order.objects.count()} orders</p>")


@csrf_exempt
def orders(_: HttpRequest) -> HttpResponse:
    """Hand an order to the worker."""
    place_order.delay()
    return HttpResponse("thank you", status=202)


def alive(_: HttpRequest) -> HttpResponse:
    """Answer without any store: whether gunicorn serves at all."""
    return HttpResponse("alive")


def health(_: HttpRequest) -> HttpResponse:
    """Answer 503 while the database or the broker fails."""
    try:
        Order.objects.count()
        redis.Redis.from_url(settings.BROKER, socket_timeout=2).ping()
    except (DatabaseError, redis.RedisError) as error:
        return HttpResponse(f"{type(error).__name__}", status=503)
    return HttpResponse("well")


urlpatterns = [path("", home), path("orders", orders), path("alive", alive), path("health", health)]
