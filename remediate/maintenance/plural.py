"""Numbers with their singular or plural noun."""


def counted(number: int, thing: str, things: str = "") -> str:
    """Return a number with its noun: `1 error`, `2 errors`. Pass `things` for an irregular plural."""
    return f"{number} {thing if number == 1 else things or f'{thing}s'}"
