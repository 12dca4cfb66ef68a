"""The same tasks for those whose fingers type `fab`."""

from tasks import ns

__all__ = ["ns"]
