.DEFAULT_GOAL := help
.PHONY: help setup up down test test-fast test-all e2e fleet-test fault-test record lint bench docs

PYTHON ?= python3
STACK ?= dev
CLUSTER ?= sim
MODE ?=
VALUES ?=
CONTEXT ?=

venv := .venv
installed := $(venv)/.installed
hubstack := $(venv)/bin/hubstack
pytest := $(venv)/bin/python -m pytest
workers := -n 2

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "Options: STACK=$(STACK) MODE=native|helm VALUES=FILE CONTEXT=name CLUSTER=sim|node|kind"

setup: $(installed) ## Make .venv with the pinned packages and the command hubstack

$(installed): requirements.txt requirements-dev.txt pyproject.toml
	$(PYTHON) -m venv $(venv)
	$(venv)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

up: setup ## Bring JupyterHub up: tools, embedded cluster, pulumi up
	$(hubstack) up --stack $(STACK) --cluster $(CLUSTER) $(if $(MODE),--mode $(MODE)) $(foreach file,$(VALUES),--values $(file)) $(if $(CONTEXT),--context $(CONTEXT))

down: setup ## Destroy what make up deployed and stop the embedded cluster
	$(hubstack) down

test: setup ## Run the tests of every change, the fast ones first
	$(pytest) tests $(workers)

test-fast: setup ## Run the unit tests and a sample of parity, in a minute
	HUBSTACK_SAMPLE=1 $(pytest) tests/unit tests/parity $(workers)

test-all: setup ## Run everything: draws, kills, a fleet of 30 stacks, every browser test; takes hours
	HUBSTACK_ALL_TESTS=1 $(pytest) tests

e2e: setup ## Run the tests with real containers and a browser only (Linux, root)
	HUBSTACK_ALL_TESTS=1 $(pytest) tests/e2e

fleet-test: setup ## Roll out 30 stacks over 3 clusters, with kills and failures; takes some ten minutes
	HUBSTACK_ALL_TESTS=1 $(pytest) tests/fleet -v

fault-test: setup ## Kill and disturb updates at fifty random moments and more; takes half an hour
	HUBSTACK_ALL_TESTS=1 $(pytest) tests/engine/faults -v

record: setup ## Write down what the chart at hand makes of the parity suite's values, for machines without the chart
	$(venv)/bin/python -m tests.parity.record $(RECORDED)

lint: setup ## Check style, types and the direction of imports
	$(venv)/bin/ruff check .
	$(venv)/bin/ruff format --check .
	$(venv)/bin/mypy
	$(venv)/bin/lint-imports --no-logo

bench: setup ## Measure native against helm mode and Helm itself, as ratios
	$(venv)/bin/python -m benchmarks.bench

docs: setup ## Generate docs/settings.md, the types of values and the fleet schema from the models
	$(venv)/bin/python -m hubstack.reference
	$(venv)/bin/python -m hubstack.value_types
	$(venv)/bin/python -m hubstack.fleet.schema
