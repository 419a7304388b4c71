"""MLflow, and nothing else in the project imports it: sending runs to a store, and reading them back."""
