"""The application's inventory settings, for remedies that ask it or change its files."""

from remediate.host import Host


def of_application(host: Host) -> dict[str, object]:
    """Return the fields `php`, `path` and `user` as far as the inventory fills them, for `Remedy.defaults`."""
    settings = host.settings
    given = {"php": settings.php, "path": settings.app_path, "user": settings.app_user}
    return {name: value for name, value in given.items() if value is not None}
