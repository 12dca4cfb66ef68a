"""SSH through Fabric and paramiko; the host's key is verified before anything else."""
