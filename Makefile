# Every command of the project. `make demo` and `make test` start from nothing but python3 and make.
PYTHON ?= python3
STUDY ?= demo
RUNS ?= runs
BIN := .venv/bin

.PHONY: demo test lint bench dashboard reproduce lock

demo: .venv/installed
	$(BIN)/python run.py -m experiment=demo
	$(BIN)/python report.py demo
	@echo "Look into the runs:  make dashboard"

# In parallel; the tests of a file share their slow set-ups, so they stay together.
test: .venv/installed
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The tables of speed and exactness, measured on this machine: leave it alone meanwhile.
bench: .venv/installed
	$(BIN)/python report.py benchmark

dashboard: .venv/installed
	$(BIN)/python -m ce_harness.tracking.dashboard $(RUNS)

# A committed result again, from training to figures: make reproduce STUDY=demo
reproduce: .venv/installed
	$(BIN)/python run.py -m experiment=$(STUDY)
	$(BIN)/python report.py $(STUDY)

# The stamp is newer than the lock exactly when the environment holds what the lock says.
.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# Needs uv on the PATH. The lock names no index: pip takes the packages from wherever it is set up to.
lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements.lock
