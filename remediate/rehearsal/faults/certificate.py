"""Faults of the TLS certificate and of its renewal."""

from typing import Annotated, Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.field_types import AbsolutePath, HostName
from remediate.rehearsal.faults.database import ServerFrozen
from remediate.rehearsal.faults.fault import Fault, kept, restored
from remediate.rehearsal.faults.units import LineAppended, UnitStopped

_KEPT: Final = "/var/lib/remediate-fault"
"""Directory in which faults keep the original files. It is outside the compared directories."""

_ISSUE: Final = r"""
work=$(mktemp -d)
cat > $work/ca.cnf <<'CNF'
[ca]
default_ca = own
[own]
database = $ENV::work/index.txt
serial = $ENV::work/serial
new_certs_dir = $ENV::work
default_md = sha256
unique_subject = no
policy = any
x509_extensions = server
[any]
commonName = supplied
[server]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:DOMAIN
CNF
touch $work/index.txt
openssl rand -hex 16 > $work/serial
export work
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=DOMAIN \
  -keyout $work/privkey.pem -out $work/csr
openssl ca -batch -config $work/ca.cnf -notext -cert AUTHORITY -keyfile KEY \
  -in $work/csr -out $work/cert.pem \
  -startdate $(date -u -d 'BEGAN days ago' +%Y%m%d%H%M%SZ) -enddate $(date -u -d 'ENDS days 1 hour' +%Y%m%d%H%M%SZ)
cp AUTHORITY $work/chain.pem
cat $work/cert.pem $work/chain.pem > $work/fullchain.pem
"""
_LOAD: Final = "systemctl reload nginx\nsleep 1\n"
_KEEP: Final = f"mkdir -p {_KEPT}\n[ -e {_KEPT}/letsencrypt ] || cp -a /etc/letsencrypt {_KEPT}/letsencrypt\n"
_RESTORE: Final = (
    f"if [ -e {_KEPT}/letsencrypt ]; then rm -rf /etc/letsencrypt; mv {_KEPT}/letsencrypt /etc/letsencrypt; fi\n"
)


class _Issued(Fault):
    """A certificate of the staging host's own authority, which all observers trust."""

    domain: HostName = Field(description="name that the certificate is for")
    began: int = Field(default=80, ge=1, description="days since it began")
    ends: int = Field(default=10, description="days until it ends; less than none when it has expired")
    authority: AbsolutePath = Field(
        default="/usr/local/share/ca-certificates/pebble-tls.crt", description="authority that signs it"
    )
    key: AbsolutePath = Field(default="/etc/pebble/ca.key", description="the authority's private key")

    def _issuing(self, authority: str | None = None, key: str | None = None) -> str:
        signing = _ISSUE.replace("AUTHORITY", authority or self.authority).replace("KEY", key or self.key)
        text = signing.replace("DOMAIN", self.domain)
        return text.replace("BEGAN", str(self.began)).replace("ENDS", f"{self.ends:+d}")

    def _when(self) -> str:
        if self.ends < 0:
            return f"expired {-self.ends} days ago"
        return f"ends in {self.ends} days"


class LineageReplaced(_Issued):
    """nginx serves a lineage's newest certificate, which is near its end, expired or misnamed."""

    kind: Literal["lineage-replaced"] = "lineage-replaced"
    name: HostName = Field(description="certbot lineage name")
    renewed: bool = Field(default=False, description="a good one lies on disk again, and nginx was not told")
    own: AbsolutePath | None = Field(
        default=None, description="file of an authority of one's own, which signs it and which the host does not trust"
    )

    @override
    def describe(self) -> str:
        also = ", and the renewed one was never loaded" if self.renewed else ""
        by = ", of an authority that the host does not trust" if self.own else ""
        return f"the certificate served is for {self.domain} and {self._when()}{by}{also}"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return ("/etc/letsencrypt/", *((self.own,) if self.own else ()))

    @override
    def breaking(self) -> str:
        issuing = self._issuing()
        if self.own is not None:
            key = f"{_KEPT}/own.key"
            new = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj '/CN=Own CA'"
            issuing = f"{new} -keyout {key} -out {self.own}\n{self._issuing(self.own, key)}"
        return (
            f"{_KEEP}{issuing}cd /etc/letsencrypt\n"
            f"n=$(ls archive/{self.name} | sed -n 's/^cert\\([0-9]*\\)[.]pem$/\\1/p' | sort -n | tail -n 1)\n"
            "n=$((n + 1))\n"
            "for each in cert chain fullchain privkey; do\n"
            f"  install -m 600 $work/$each.pem archive/{self.name}/$each$n.pem\n"
            f"  touch -d '{self.began} days ago' archive/{self.name}/$each$n.pem\n"
            f"  ln -sfn ../../archive/{self.name}/$each$n.pem live/{self.name}/$each.pem\n"
            f"done\nrm -rf $work\n{_LOAD}{_RESTORE if self.renewed else ''}"
        )

    @override
    def mending(self) -> str:
        return f"{_RESTORE}{f'rm -f {self.own} {_KEPT}/own.key{chr(10)}' if self.own else ''}{_LOAD}"


class NameTaken(_Issued):
    """Another server block has the site's name and comes first, so nginx ignores the site's."""

    kind: Literal["name-taken"] = "name-taken"
    config: AbsolutePath = Field(
        default="/etc/nginx/sites-enabled/0-old-site", description="nginx's file for the other one"
    )

    @override
    def describe(self) -> str:
        return f"an older server block of {self.domain} comes before the site's, and its certificate {self._when()}"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (self.config, "/etc/nginx/ssl/")

    @override
    def breaking(self) -> str:
        server = (
            f"server {{\n  listen 443 ssl;\n  server_name {self.domain};\n  ssl_certificate /etc/nginx/ssl/old.crt;\n"
            "  ssl_certificate_key /etc/nginx/ssl/old.key;\n  location / { return 404; }\n}\n"
        )
        return (
            f"{self._issuing()}mkdir -p /etc/nginx/ssl\n"
            "install -m 600 $work/fullchain.pem /etc/nginx/ssl/old.crt\n"
            "install -m 600 $work/privkey.pem /etc/nginx/ssl/old.key\nrm -rf $work\n"
            f"cat > {self.config} <<'NGINX'\n{server}NGINX\n{_LOAD}"
        )

    @override
    def mending(self) -> str:
        return f"rm -rf {self.config} /etc/nginx/ssl\n{_LOAD}"


class CertificateElsewhere(_Issued):
    """nginx serves a certificate near its end that certbot does not manage.

    A hosting panel has put it there.
    """

    kind: Literal["certificate-elsewhere"] = "certificate-elsewhere"
    config: AbsolutePath = Field(description="nginx's file for the site")

    @override
    def describe(self) -> str:
        return f"nginx serves a certificate that certbot does not manage, and it {self._when()}"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (self.config, "/etc/nginx/ssl/")

    @override
    def breaking(self) -> str:
        return (
            f"{self._issuing()}mkdir -p /etc/nginx/ssl\n"
            "install -m 600 $work/fullchain.pem /etc/nginx/ssl/server.crt\n"
            "install -m 600 $work/privkey.pem /etc/nginx/ssl/server.key\nrm -rf $work\n"
            f"{kept(self.config)}"
            "sed -i -e 's|ssl_certificate .*;|ssl_certificate /etc/nginx/ssl/server.crt;|' "
            f"-e 's|ssl_certificate_key .*;|ssl_certificate_key /etc/nginx/ssl/server.key;|' {self.config}\n{_LOAD}"
        )

    @override
    def mending(self) -> str:
        return f"{restored(self.config)}rm -rf /etc/nginx/ssl\n{_LOAD}"


class IssuedOften(Fault):
    """The certificate was issued again and again this week."""

    kind: Literal["issued-often"] = "issued-often"
    name: HostName = Field(description="certbot lineage name")
    times: int = Field(default=4, ge=1, le=20, description="how often")

    @override
    def describe(self) -> str:
        return f"{self.times} certificates were issued this week"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return ("/etc/letsencrypt/",)

    @override
    def breaking(self) -> str:
        archive = f"/etc/letsencrypt/archive/{self.name}"
        return f"{_KEEP}for n in $(seq 101 {100 + self.times}); do cp {archive}/cert1.pem {archive}/cert$n.pem; done"

    @override
    def mending(self) -> str:
        return _RESTORE


class CertbotAtWork(Fault):
    """Another certbot runs: started by a timer, it sleeps for minutes and holds its lock."""

    kind: Literal["certbot-at-work"] = "certbot-at-work"
    seconds: int = Field(default=600, ge=1, description="how long it sleeps")

    @override
    def describe(self) -> str:
        return "another certbot is running"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return ("certbot",)

    @override
    def breaking(self) -> str:
        sleeper = f"{_KEPT}/certbot"
        return (
            f"mkdir -p {_KEPT}\ncp /usr/bin/sleep {sleeper}\n"
            f"setsid -f {sleeper} {self.seconds} </dev/null >/dev/null 2>&1"
        )

    @override
    def mending(self) -> str:
        return "pkill -x certbot || true"


class ChallengeShut(Fault):
    """A well-meant edit has closed the path on which the authority asks for its challenge."""

    kind: Literal["challenge-shut"] = "challenge-shut"
    config: AbsolutePath = Field(description="nginx's file for the site")
    webroot: AbsolutePath = Field(default="/var/www/letsencrypt", description="where certbot puts its challenges")

    @override
    def describe(self) -> str:
        return "the challenge's path answers 403"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (self.config,)

    @override
    def breaking(self) -> str:
        edit = f"sed -i 's|root {self.webroot};|deny all;|' {self.config}"
        return f"{kept(self.config)}{edit}\n{_LOAD}"

    @override
    def mending(self) -> str:
        return f"{restored(self.config)}{_LOAD}"


Hindrance = Annotated[
    IssuedOften | CertbotAtWork | ChallengeShut | ServerFrozen | UnitStopped | LineAppended, Field(discriminator="kind")
]


class RenewalHindered(Fault):
    """A certificate is due for renewal, and something prevents that."""

    kind: Literal["renewal-hindered"] = "renewal-hindered"
    certificate: LineageReplaced = Field(description="what is served")
    hindrance: Hindrance = Field(description="what is in the way")

    @override
    def describe(self) -> str:
        return f"{self.certificate.describe()}, and {self.hindrance.describe()}"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.certificate.disturbs(), *self.hindrance.disturbs())))

    @override
    def breaking(self) -> str:
        return f"{self.certificate.breaking()}\n{self.hindrance.breaking()}"

    @override
    def mending(self) -> str:
        return f"{self.hindrance.mending()}\n{self.certificate.mending()}"
