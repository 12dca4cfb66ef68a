"""Text of a plan as a person reads it before approving: nothing in it is hidden, reordered, or acts."""

from remediate.masking.masker import strip_control


def visible(text: str) -> str:
    """Return text as it is, on one line. Characters that nobody sees, or that reorder a line, are escaped."""
    shown = (each if each.isprintable() else each.encode("unicode_escape").decode() for each in strip_control(text))
    return "".join(shown)
