"""From tracked runs, or committed rows, to data frames."""
