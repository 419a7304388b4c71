"""Imports what MLflow imports when it first opens a database: a second's worth that the cells of a sweep share."""
# ruff: noqa: F401

import alembic.command
import mlflow.store.tracking.sqlalchemy_workspace_store
import sqlalchemy.dialects.sqlite
