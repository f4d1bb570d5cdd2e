"""A real Slurm on one machine, for developers and tests: two clusters as two factories, with pretend GPUs."""
