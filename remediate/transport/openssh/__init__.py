"""SSH through the user's own OpenSSH client, which knows certificates, FIDO keys, Match, ProxyCommand and GSSAPI."""
