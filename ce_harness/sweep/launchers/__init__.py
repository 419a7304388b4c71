"""Where the runs of a sweep are trained: Slurm and Ray; joblib's launcher is Hydra's own."""
