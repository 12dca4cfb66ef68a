"""The TLS handshake of a TlsRequest as a shell script for the host, with openssl."""

from typing import Final

_RELAY: Final = (
    '$in = IO::Socket::IP->new(LocalHost => "127.0.0.1", Listen => 1) or exit 1; $| = 1; '
    "print $in->sockport; exit if fork; close STDOUT; alarm 2 + pop; $near = $in->accept or exit; "
    '$far = IO::Socket::IP->new(PeerAddr => shift) or exit; syswrite $far, "PROXY UNKNOWN\\r\\n"; '
    "$both = IO::Select->new($near, $far); while (1) { for ($both->can_read) { sysread $_, $data, 16384 or exit; "
    "syswrite $_ == $near ? $far : $near, $data } }"
)
"""A Perl relay for one connection. It adds the header of a load balancer, and prints its port."""

S_CLIENT: Final = (
    "date -u +%s\n"
    "limit=$1 place=$2 name=$3 ca=${4-}; set --\n"
    'if [ -n "$ca" ]; then\n'
    # A file that cannot be loaded would look like a site that does not speak TLS.
    '  openssl x509 -noout -in "$ca" 2>/dev/null || { echo "$ca: no certificate that can be read" >&2; exit 77; }\n'
    # With a file alone, openssl would ignore the authorities that the host trusts.
    '  set -- -CAfile "$ca" -CApath "$(openssl version -d | cut -d \\" -f 2)/certs"\n'
    "fi\n"
    # The server may listen only on another address of the host.
    "case $place in 127.0.0.1:*) port=${place#*:}\n"
    "  for each in $(ss -lntH \"sport = :$port\" 2>/dev/null | awk '{ print $4 }'); do\n"
    '    case $each in 127.0.0.1:*|0.0.0.0:*|\\*:*|"[::]":*) place=127.0.0.1:$port; break ;;\n'
    "    *%*) ;; *) place=$each ;; esac\n"
    "  done ;; esac\n"
    "shake() {\n"
    "  at=$1; shift\n"
    '  timeout -k 1 "$limit" openssl s_client -connect "$at" -servername "$name" -verify_hostname "$name" "$@" '
    "</dev/null; s=$?\n"
    # Status 124 or 137 would count as a timeout of our own command, so it becomes curl's 28: the site is too slow.
    '  [ "$s" != 124 ] && [ "$s" != 137 ] || s=28; return "$s"\n'
    "}\n"
    'said=$(shake "$place" "$@"); s=$?\n'
    'case $said in *"BEGIN CERTIFICATE"*) ;; CONNECTED*)\n'
    # openssl cannot send this header. Without perl, say that instead of calling the site broken.
    f'  if near=$(perl -MIO::Socket::IP -MIO::Select -e \'{_RELAY}\' "$place" "$limit" 2>/dev/null); then\n'
    '    more=$(shake "127.0.0.1:$near" "$@"); status=$?\n'
    '    case $more in *"BEGIN CERTIFICATE"*) said=$more s=$status ;; esac\n'
    "  elif curl -q --silent --insecure --noproxy '*' --haproxy-protocol --max-time \"$limit\" --output /dev/null "
    '--connect-to "::$place" "https://$name/"; then\n'
    '    echo "$place wants the header of a load balancer (proxy_protocol), which takes perl to send here" >&2\n'
    "    exit 76\n"
    "  fi ;;\n"
    "esac\n"
    'printf "%s\\n" "$said"; exit "$s"'
)
"""Prints the clock, then openssl's output for the site.

If there was no certificate, and the load balancer's header brings one, that output comes instead.
"""
