"""The PHP program that delivers to a webhook, by a real PHP with curl, to a site that a load balancer stands before."""

import json
import re
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from remediate.core.program_text import program_text
from remediate.programs.run import PROBES
from support.listening import listening, read_proxy_header

PHP = ("php", "-n", "-d", "extension=curl")
HAS_CURL = shutil.which("php") is not None and subprocess.run(
    (*PHP, "-r", 'exit(defined("CURLOPT_HAPROXYPROTOCOL") ? 0 : 1);'), capture_output=True, check=False
).returncode == 0  # fmt: skip
pytestmark = pytest.mark.skipif(not HAS_CURL, reason="php with curl is not installed here")


@pytest.mark.parametrize("proxied", [False, True])
def test_a_webhook_behind_a_load_balancer_answers(proxied: bool, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=shop.example.com", "-addext"]
    files: list[str | Path] = ["subjectAltName=DNS:shop.example.com", "-keyout", key, "-out", certificate]
    subprocess.run([*words, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def answer(connection: socket.socket) -> None:
        if proxied:
            read_proxy_header(connection)
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(8192)
            tls.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    (functions,) = re.findall(r"function place.*?(?=function lines)", program_text(PROBES, "webhook.php"))
    trusted = f"[CURLOPT_CAINFO => {json.dumps(str(certificate))}]"
    with listening("127.0.0.1", answer) as port:
        url = f"https://shop.example.com:{port}/hook"
        code = f'{functions} echo json_encode(deliver($argv[1], "remediate.core.probe", "s", {trusted}));'
        done = subprocess.run((*PHP, "-r", code, "--", url), capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == {"status": 400, "error": 0}
