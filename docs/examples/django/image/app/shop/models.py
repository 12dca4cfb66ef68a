"""The shop's one table."""

from django.db import models


class Order(models.Model):
    """An order, written by the worker."""

    placed = models.DateTimeField(auto_now_add=True)
