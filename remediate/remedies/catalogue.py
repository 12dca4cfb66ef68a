"""All packaged remedies, found in this package's modules without a registry."""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache

from remediate import remedies as package
from remediate.remedy import Remedy


@cache
def remedies() -> Mapping[str, type[Remedy]]:
    """Return every remedy class by its kind."""
    found: dict[str, type[Remedy]] = {}
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        for _, thing in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(thing, Remedy) and not inspect.isabstract(thing) and thing.__module__ == module.name:
                found[thing.model_fields["kind"].default] = thing
    return dict(sorted(found.items()))
