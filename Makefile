# `make` alone lists what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-$(shell cksum < requirements.txt | tr ' ' '-')
DEVELOP := $(VENV)/.develop-$(shell cat requirements.txt requirements-dev.txt | cksum | tr ' ' '-')

FIGURES := $(foreach n,1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18,R$(n)) PAGES

.DEFAULT_GOAL := help
.PHONY: help run test check bench fmt lock $(FIGURES)

help: ## List the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

run: $(RUNTIME) ## Start everything on this machine: web, worker, Graph sandbox, demo data
	@exec $(BIN)/python -m config.run

test: $(DEVELOP) ## Run the tests; those that need a server run where one is named in the environment
	@$(BIN)/python -m pytest $(ARGS)

check: $(DEVELOP) ## All checks: format, lint, types, layers, migrations, deployment, tests
	@BIN=$(BIN) sh scripts/check.sh

bench: $(DEVELOP) ## Measure speed as ratios: `make bench`, or one: `make bench R1`
	@$(BIN)/python -m bench $(R) $(filter $(FIGURES),$(MAKECMDGOALS))

$(FIGURES): bench
	@:

fmt: $(DEVELOP) ## Format the code
	@$(BIN)/ruff check --quiet --fix-only . && $(BIN)/ruff format --quiet .

lock: $(DEVELOP) ## Pin the newest allowed versions, with hashes
	@$(BIN)/uv pip compile -q -U --universal --python-version 3.11 --generate-hashes --no-annotate --no-strip-extras --no-emit-index-url --no-header requirements.in -o requirements.txt
	@$(BIN)/uv pip compile -q -U --universal --python-version 3.11 --generate-hashes --no-annotate --no-strip-extras --no-emit-index-url --no-header requirements-dev.in -o requirements-dev.txt

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Tuma needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another: make run PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV)

$(RUNTIME): $(BIN)/python requirements.txt
	@echo "Installing what Tuma needs into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@rm -f $(VENV)/.runtime-* && touch $@

$(DEVELOP): $(BIN)/python requirements.txt requirements-dev.txt
	@echo "Installing what the checks need into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt -r requirements-dev.txt
	@rm -f $(VENV)/.develop-* $(VENV)/.runtime-* && touch $@ $(RUNTIME)
