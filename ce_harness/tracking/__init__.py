"""MLflow, and nothing else in the project imports it: sending runs to a store, and reading them back."""

import os

# To be set before MLflow is imported: no telemetry, no link to a server's page printed for each run, and a server that
# is away is noticed within seconds (the feed tries again by itself, MLflow's own seven retries would take minutes).
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
