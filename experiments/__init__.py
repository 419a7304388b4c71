"""One file per study: which runs it reads, what it must show, its tables and figures."""
