# Every command of the project. `make demo` and `make test` start from nothing but python3 and make.
PYTHON ?= python3
STUDY ?= demo
RUNS ?= runs
ONLY ?=
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest $(ONLY)
# In parallel; the tests of a file share their slow set-ups, so they stay together.
SIDE_BY_SIDE := --numprocesses $(if $(ONLY),1,auto) --maxprocesses 4 --dist loadfile
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-header --quiet

.PHONY: demo test test-slow test-cluster test-faults lint bench peers dashboard reproduce lock

demo: .venv/installed
	$(BIN)/python run.py -m experiment=demo
	$(BIN)/python report.py demo --output $(RUNS)/reports/demo
	@echo "Look into the runs:  make dashboard"

# `make test ONLY=--last-failed` tries again what failed, one test at a time.
test: .venv/installed
	$(PYTEST) $(SIDE_BY_SIDE)

# What takes long: kills and restarts, ill servers, a notebook's kernel, the dashboard in a browser, all bad input.
test-slow: .venv/installed
	$(PYTEST) -m slow --ignore tests/cluster $(SIDE_BY_SIDE)

# Sweeps on real engines: Slurm, Ray, PostgreSQL. What is missing is skipped by name.
# What failed is noted in a folder of its own, since CI runs them beside the other tests.
test-cluster: .venv/installed-cluster
	$(PYTEST) -m slow tests/cluster -o cache_dir=.pytest_cache/cluster

# Runs, sweeps, stores and reports under every fault that tests/faults knows, at every place: hours. Needs gcc.
test-faults: .venv/installed
	$(BIN)/python -m tests.faults

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The tables of speed and exactness, measured on this machine: leave it alone meanwhile.
bench: .venv/installed
	$(BIN)/python -m benchmarks speed
	$(BIN)/python -m benchmarks scale
	-$(BIN)/python -m benchmarks peers

# PyTorch and JAX, for `python -m benchmarks peers` alone. On Linux PyTorch brings its CUDA libraries, 3 GB.
peers: .venv-peers/installed

.venv-peers/installed: benchmarks/peers/requirements.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install --quiet -r benchmarks/peers/requirements.txt
	touch $@

dashboard: .venv/installed
	$(BIN)/python -m ce_harness.tracking.dashboard $(RUNS)

# A committed result again, from training to figures: make reproduce STUDY=demo
# Two rounds: the runs that choose the learning rates, where a study has such, then those at the chosen rates.
# A run that diverges ends its sweep with an error; the report lists it.
reproduce: .venv/installed
	-$(BIN)/python report.py $(STUDY) --missing | PATH="$(CURDIR)/$(BIN):$$PATH" sh
	-$(BIN)/python report.py $(STUDY) --missing | PATH="$(CURDIR)/$(BIN):$$PATH" sh
	$(BIN)/python report.py $(STUDY)

# The stamp is newer than the lock exactly when the environment holds what the lock says.
.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# The same environment with the extras [slurm], [ray] and [postgresql] on top: eleven small packages and Ray.
.venv/installed-cluster: requirements-cluster.lock .venv/installed
	$(BIN)/pip install --quiet --require-hashes -r requirements-cluster.lock
	touch $@

# Needs uv on the PATH. The lock names no index: pip takes the packages from wherever it is set up to.
lock:
	$(LOCK) --extra dev --output-file requirements.lock
	cp requirements.lock requirements-cluster.lock  # the same versions where both have a package
	$(LOCK) --extra dev --extra slurm --extra ray --extra postgresql --output-file requirements-cluster.lock
