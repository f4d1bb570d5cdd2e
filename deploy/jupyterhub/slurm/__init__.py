"""A hub whose servers are jobs of a Slurm."""
