# make run    start firstline; the first time this makes .venv (nothing outside this folder is touched)
# make test   lint, types, architecture, tests            make check  the same without the tests
# make setup  the virtual environment only                make bench  every benchmark
# make reliability  every promise of docs/reliability.md at its full size, for hours; SHORT=1: as in `make test`, in minutes
# make evaluate  what every signal is worth on public data (DATA=../shared/data), a table beside what is simpler
# make lock   work out requirements*.lock again (ARGS=--upgrade raises the versions)
# make docker the image firstline:<version> and firstline:latest; docs/deploy.md runs it
.PHONY: run setup dev test check bench evaluate reliability lock docker clean
.DELETE_ON_ERROR:
BIN := .venv/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input
BENCHMARKS = $(filter-out benchmarks/_%,$(wildcard benchmarks/*.py))

run: .venv/ready
	@exec $(BIN)/firstline run $(ARGS)

setup: .venv/ready

dev: .venv/ready-dev

check: dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy bots channels core tests benchmarks
	$(BIN)/lint-imports --no-logo

test: check
	$(BIN)/pytest $(ARGS)

bench: dev
	@for file in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$(basename $$file .py) $(ARGS) || exit; done

DATA ?= ../shared/data
evaluate: dev
	@PYTHONPATH=. $(BIN)/python tools/evaluate.py $(DATA) $(ARGS)

# Each line prints a table and ends with a JSON line; one that finds a fault ends the run.
reliability: dev
ifdef SHORT
	$(BIN)/pytest tests/reliability tests/core/store $(ARGS)
else
	$(BIN)/python -m tests.reliability.planted
	$(BIN)/python -m tests.reliability.simulation --seeds 10000
	$(BIN)/python -m tests.reliability.windows --crashes 50
	$(BIN)/python -m tests.reliability.windows --crashes 50 --store postgres
	$(BIN)/python -m tests.reliability.kill --store sqlite --kills 500
	$(BIN)/python -m tests.reliability.kill --store postgres --kills 2000
	$(BIN)/python -m tests.reliability.kill --store postgres --fail-over --kills 100
	$(BIN)/python -m tests.reliability.server --stops 30 --promotions 10
	$(BIN)/python -m tests.reliability.redelivery --updates 100000
	$(BIN)/python -m tests.reliability.disk --kills 200 --errors 500
	$(BIN)/python -m tests.reliability.disk.outage --seconds 60
	$(BIN)/python -m tests.fuzz.signals --seconds 600
	$(BIN)/python -m tests.fuzz.breaker
	$(BIN)/python -m tests.fuzz.cascade --steps 100000
	$(BIN)/python -m tests.reliability.tiers --requests 10000 --faults 0.3
	$(BIN)/python -m tests.reliability.budgets --races 10000
	$(BIN)/python -m tests.reliability.budgets --races 10000 --store postgres --tasks 4
	$(BIN)/python -m tests.fuzz.budgets --steps 100000
endif

lock: build/uv/bin/uv
	@$(call lock,-o requirements.lock pyproject.toml)
	@$(call lock,-o requirements-dev.lock --extra dev -c requirements.lock pyproject.toml)

lock = $< pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header $(ARGS) $(1)

docker:
	docker build --tag firstline:$$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml) --tag firstline:latest $(ARGS) .

clean:
	rm -rf .venv build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

# The first Python that is new enough; found only when an environment has to be made.
define make-venv
	@for python in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
	  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  echo "making $(1) with $$($$python --version)"; \
	  $$python -m venv $(1) && exit; \
	  echo "that Python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; \
	done; echo "firstline needs Python 3.11 or newer, and there is none here: install one, or say make PYTHON=/path/to/python" >&2; exit 1
endef

.venv/bin/python:
	$(call make-venv,.venv)

.venv/ready: requirements.lock pyproject.toml | .venv/bin/python
	@echo "installing $$(grep -c '^[a-z].*==' requirements.lock) packages, each checked against its hash"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/ready-dev: requirements-dev.lock .venv/ready
	@echo "installing what the tests need"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

build/uv/bin/uv:
	$(call make-venv,build/uv)
	@build/uv/bin/python -m pip -qq --disable-pip-version-check --no-input install uv
