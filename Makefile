# Everything a fresh machine needs is set up here: Python >= 3.11 and make are enough. Works with make 3.81.
# Without make: see "Without make" in README.md.

VENV ?= .venv
VERSIONS ?= -c constraints.txt
BIN := $(VENV)/bin
CANDIDATES := python3.13 python3.12 python3.11 python3.14 python3 python
SUITABLE := import sys, venv; sys.exit(sys.version_info < (3, 11))

.PHONY: help demo api test quick test-lowest test-newest attack check bench bench-size format clean

help: ## Show what there is to do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.demo ## Run the main job on sample notices, in an embedded database of its own
	@$(BIN)/domain demo

api: $(VENV)/.dev ## Serve the example API with sample data, from an embedded database of its own
	@$(BIN)/python -m examples.api

test: $(VENV)/.dev ## Run the tests, on SQLite and on a throwaway PostgreSQL
	@$(BIN)/python -m pytest -q -n 2 $(ARGS)

quick: $(VENV)/.dev ## Run each test once, on SQLite, without the slow ones: while you work
	@$(BIN)/python -m pytest -q -n 2 --quick -r fE $(ARGS)

test-lowest: ## Run the tests on the lowest versions that pyproject.toml allows (ARGS=--quick: a first look)
	@$(MAKE) test VENV=.venv-lowest VERSIONS='-c constraints-lowest.txt'

test-newest: ## Run the tests on the newest versions that there are (ARGS=--quick: a first look)
	@rm -f .venv-newest/.dev
	@$(MAKE) test VENV=.venv-newest VERSIONS='--upgrade --upgrade-strategy eager'

attack: $(VENV)/.dev ## Attack every model and repository as another organization; print the matrix
	@$(BIN)/python -m tests.attack

check: $(VENV)/.dev ## Check style, types, import rules and migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check -q .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	PATH="$(CURDIR)/$(BIN):$$PATH" pyright --ignoreexternal --verifytypes domain
	$(BIN)/ty check -q --python $(BIN)/python examples tests/typing
	$(BIN)/pyrefly check --python-interpreter-path $(BIN)/python examples tests/typing
	$(BIN)/python -m pytest -q tests/migrations/test_commands.py -k goes_down_and_up_again

bench: $(VENV)/.bench ## Measure against the libraries that people would use instead (ARGS=--quick: a first look)
	@$(BIN)/python -m benchmarks $(ARGS)

bench-size: $(VENV)/.bench ## Measure cost against size: 10 thousand and 2 million tenders, 10 and 5,000 organizations
	@$(BIN)/python -m benchmarks.scaling $(ARGS)

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff check --fix -q .
	$(BIN)/ruff format -q .

clean: ## Remove the virtual environment and all caches
	rm -rf $(VENV) .venv-lowest .venv-newest build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@for candidate in $(PYTHON) $(CANDIDATES); do \
	    if command -v $$candidate >/dev/null 2>&1 && $$candidate -c '$(SUITABLE)' 2>/dev/null; then \
	        echo "Setting up $(VENV) with $$($$candidate --version)"; \
	        $$candidate -m venv $(VENV) && exit 0; \
	        echo "That Python can't make virtual environments: install its venv package (Debian: python3-venv)."; \
	        rm -rf $(VENV); exit 1; \
	    fi; \
	done; \
	echo "No Python >= 3.11 found. Install one (Debian: apt-get install python3 python3-venv), or name it:"; \
	echo "  make PYTHON=/path/to/python3"; exit 1

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml $(wildcard constraints*.txt)
	@$(BIN)/python -m pip install -q --disable-pip-version-check $(VERSIONS) -e '.[cli]'
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml $(wildcard constraints*.txt)
	@$(BIN)/python -m pip install -q --disable-pip-version-check $(VERSIONS) -e '.[dev]'
	@touch $@ $(VENV)/.demo

$(VENV)/.bench: $(VENV)/bin/python pyproject.toml $(wildcard constraints*.txt)
	@$(BIN)/python -m pip install -q --disable-pip-version-check $(VERSIONS) -e '.[bench]'
	@touch $@
