"""What a run leaves on disk: its directory, journal, checkpoints and series, and where it comes from."""
