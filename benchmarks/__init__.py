"""How the harness itself is measured: speed, scale, survival, and the same bits again."""
