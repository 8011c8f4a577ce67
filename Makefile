# Every verb of the project, once. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCK_FLAGS := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade

.PHONY: help setup lock fmt lint type layers demo up test test-unit bench soak hooks clean

help: ## List the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP) ## Make the virtual environment with the pinned packages

$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: install it, or name it with make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

lock: $(STAMP) ## Pin all packages again (hashes, no addresses)
	@$(BIN)/uv pip compile $(LOCK_FLAGS) pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile $(LOCK_FLAGS) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock

fmt: $(STAMP) ## Format the code
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

lint: $(STAMP) ## Look for what ruff finds
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/ruff check --quiet .

type: $(STAMP) ## Check the types
	@$(BIN)/mypy --no-error-summary

layers: $(STAMP) ## Check that imports run one way
	@told=$$($(BIN)/lint-imports --no-cache 2>&1) || { echo "$$told"; exit 1; }

demo: $(STAMP) ## Send over 30 leads through the real engine, and judge what came out
	@$(BIN)/christmas-tasks demo

up: $(STAMP) ## Start engine, flows and sandbox until Ctrl-C
	@$(BIN)/christmas-tasks up

test: lint type layers $(STAMP) ## Run all checks and tests
	@$(BIN)/python -m pytest -n 3 --dist loadgroup --no-loadscope-reorder --durations 25

test-unit: $(STAMP) ## Run the tests that need no engine
	@$(BIN)/python -m pytest -m "not integration"

bench: $(STAMP) ## Measure load and cost, each figure beside its floor; takes about 40 minutes
	@$(BIN)/python -m benchmarks $(BENCH)

LEADS ?= 300
KILLS ?= 25
WORKERS ?= 1
SEED ?=

soak: $(STAMP) ## Hundreds of leads through kills, full disks and failing vendors [LEADS= KILLS= WORKERS= SEED=]
	@$(BIN)/python -m tests.faults.soak --leads $(LEADS) --kills $(KILLS) --workers $(WORKERS) $(if $(SEED),--seed $(SEED))

hooks: $(STAMP) ## Check each commit before it is made
	@$(BIN)/pre-commit install

clean: ## Remove what was built; the next start builds it again
	@rm -rf $(VENV) kestra/embedded/target .mypy_cache .ruff_cache
