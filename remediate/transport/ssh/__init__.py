"""SSH, through Fabric and paramiko, with the host's key verified before anything else."""
