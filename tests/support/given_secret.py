"""A host to which one run gives a secret value."""

from pydantic import SecretStr

from remediate.probes.configuration import CachedConfig, Configuration, EnvFile, EnvValue
from remediate.probes.descendants import Descendants
from remediate.probes.opcache import Opcache
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.supervisor import Workers
from support import examples as ex
from support.hosts import host_with
from support.incidents import APP, DEPLOY
from support.scripted import Changes

PATH = "/home/forge/agency-platform"


VALUE = "c4n4ry.*[a-z]+ 'x' \"y\"\nc4n4ry second line $HOME"


HOST = host_with({"app_path": PATH, "php": "php8.2", "worker_program": "agency-worker"})


KEY = EnvValue(php="php8.2", path=PATH, user="forge", key="A", value=SecretStr(VALUE))


LOOSE: Changes = {
    APP: ex.APP,
    DEPLOY: ex.NO_DEPLOY,
    Configuration(php="php8.2", path=PATH, user="forge"): ex.CONFIGURED,
    EnvFile(path=PATH, user="forge"): ex.env_file(),
    CachedConfig(path=PATH, user="forge"): ex.cached_config(),
    KEY: ex.OTHER_VALUE,
    Descendants(path=PATH, user="forge", unit="supervisor"): ex.descendants(),
    Opcache(php="php8.2"): ex.OPCACHE,
    PhpFpmConfig(php="php8.2"): ex.SOUND,
    Workers(program="agency-worker"): ex.workers("STOPPED", "STOPPED"),  # or there would be processes below supervisor
}


SET: Changes = {
    EnvFile(path=PATH, user="forge"): ex.env_file(2),
    CachedConfig(path=PATH, user="forge"): ex.cached_config(2),
    KEY: ex.RIGHT_VALUE,
}
