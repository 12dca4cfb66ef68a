"""Numbers with their singular or plural noun."""


def counted(number: int, thing: str, things: str = "") -> str:
    """Say how many there are, `things` where the plural is not made with an s: `1 error`, `2 errors`."""
    return f"{number} {thing if number == 1 else things or f'{thing}s'}"
