# Every command of this project. `make demo` and `make test` start from nothing but python3 and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint bench dashboard reproduce lock

# The stamp is newer than the lock exactly when the environment holds what the lock says.
.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@
