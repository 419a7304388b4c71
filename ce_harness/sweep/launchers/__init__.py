"""Where the cells of a sweep run: this machine, Slurm, Ray."""
