"""SSH through Fabric and paramiko; the host's key is verified first."""

from remediate.ssh.channel import SshChannel
from remediate.ssh.connection import SshLink, VerifiedConnection, connect, connection_link

__all__ = ["SshChannel", "SshLink", "VerifiedConnection", "connect", "connection_link"]
