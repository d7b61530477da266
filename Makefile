.DEFAULT_GOAL := help
.PHONY: help setup up down test test-unit e2e fleet-test fault-test record lint bench docs

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

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
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

test: setup ## Run all tests, the fast ones first
	$(pytest) tests

test-unit: setup ## Run the unit tests only
	$(pytest) tests/unit

e2e: setup ## Run the tests with real containers and a browser only (Linux, root)
	$(pytest) tests/e2e

fleet-test: setup ## Roll out 30 stacks over 3 clusters, with kills and failures; takes some ten minutes
	HUBSTACK_FLEET_TEST=1 $(pytest) tests/fleet -v

fault-test: setup ## Kill and disturb updates at fifty random moments and more; takes half an hour
	HUBSTACK_FAULT_TEST=1 $(pytest) tests/engine/faults -v

record: setup ## Write down what the chart at hand makes of the parity suite's values, for machines without the chart
	$(venv)/bin/python -m tests.parity.record $(RECORDED)

lint: setup ## Check style, types and the direction of imports
	$(venv)/bin/ruff check .
	$(venv)/bin/ruff format --check .
	$(venv)/bin/mypy
	$(venv)/bin/lint-imports

bench: setup ## Measure native against helm mode and Helm itself, as ratios
	$(venv)/bin/python -m benchmarks.bench

docs: setup ## Generate docs/settings.md and the fleet schema from the models
	$(venv)/bin/python -m hubstack.reference
	$(venv)/bin/python -m hubstack.fleet.schema
