"""The TLS handshake of a TlsRequest as a host begins it, with openssl, in a text for its shell."""

from typing import Final

_RELAY: Final = (
    '$in = IO::Socket::IP->new(LocalHost => "127.0.0.1", Listen => 1) or exit 1; $| = 1; '
    "print $in->sockport; exit if fork; close STDOUT; alarm 2 + pop; $near = $in->accept or exit; "
    '$far = IO::Socket::IP->new(PeerAddr => shift) or exit; syswrite $far, "PROXY UNKNOWN\\r\\n"; '
    "$both = IO::Select->new($near, $far); while (1) { for ($both->can_read) { sysread $_, $data, 16384 or exit; "
    "syswrite $_ == $near ? $far : $near, $data } }"
)
"""Perl that hands one connection on, behind the header that a load balancer puts before it; it prints its port."""

S_CLIENT: Final = (
    "date -u +%s\n"
    "limit=$1 place=$2 name=$3 ca=${4-}; set --\n"
    'if [ -n "$ca" ]; then\n'
    # What cannot be loaded would look like a site that speaks no TLS.
    '  openssl x509 -noout -in "$ca" 2>/dev/null || { echo "$ca: no certificate that can be read" >&2; exit 77; }\n'
    # With a file alone, openssl would not look at the authorities that the host trusts.
    '  set -- -CAfile "$ca" -CApath "$(openssl version -d | cut -d \\" -f 2)/certs"\n'
    "fi\n"
    # It may listen on an address of its own only.
    "case $place in 127.0.0.1:*) port=${place#*:}\n"
    "  for each in $(ss -lntH \"sport = :$port\" 2>/dev/null | awk '{ print $4 }'); do\n"
    '    case $each in 127.0.0.1:*|0.0.0.0:*|\\*:*|"[::]":*) place=127.0.0.1:$port; break ;;\n'
    "    *%*) ;; *) place=$each ;; esac\n"
    "  done ;; esac\n"
    "shake() {\n"
    "  at=$1; shift\n"
    '  timeout -k 1 "$limit" openssl s_client -connect "$at" -servername "$name" -verify_hostname "$name" "$@" '
    "</dev/null; s=$?\n"
    # Its own deadline says something about the site; what `timeout` ends for us would say nothing.
    '  [ "$s" != 124 ] && [ "$s" != 137 ] || s=28; return "$s"\n'
    "}\n"
    'said=$(shake "$place" "$@"); s=$?\n'
    'case $said in *"BEGIN CERTIFICATE"*) ;; CONNECTED*)\n'
    # openssl knows no such header; whoever has no perl is told so instead of that the site is broken.
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
"""Begins with the clock; the rest is what openssl says, of the site or of what a load balancer's header opened."""
