"""From tracked runs to tables, figures and verdicts. Nothing in here imports TensorFlow."""
