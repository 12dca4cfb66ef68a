"""The application's inventory settings, for remedies that ask it or change its files."""

from pydantic import Field
from typing_extensions import override

from remediate.core.field_types import AbsolutePath, PhpName, UserName
from remediate.core.host import Host
from remediate.core.remedy import Remedy


class OfApplication(Remedy):
    """A base for remedies that ask the application or change its files."""

    php: PhpName = Field(description="PHP's name, for example php8.3")
    path: AbsolutePath = Field(description="directory that holds artisan")
    user: UserName = Field(default="forge", description="user the application runs as")

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        settings = host.settings
        return stated(php=settings.php, path=settings.app_path, user=settings.app_user)


def stated(**fields: object) -> dict[str, object]:
    """Return the fields that are set (not None), for `Remedy.defaults`."""
    return {name: value for name, value in fields.items() if value is not None}
