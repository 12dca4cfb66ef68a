"""SSH, through Fabric and paramiko, with the host's key verified before anything else: the one way to a real host."""

from remediate.ssh.channel import SshChannel
from remediate.ssh.connection import SshLink, VerifiedConnection, connect, connection_link

__all__ = ["SshChannel", "SshLink", "VerifiedConnection", "connect", "connection_link"]
