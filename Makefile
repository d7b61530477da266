.DEFAULT_GOAL := help
.PHONY: help setup lock up down test test-fast test-all e2e fleet-test fault-test record lint site bench docs

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
pip := $(venv)/bin/python -m pip install --quiet --disable-pip-version-check
compile := $(venv)/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --only-binary :all: \
	--no-annotate --custom-compile-command "make lock"

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "Options: STACK=$(STACK) MODE=native|helm VALUES=FILE CONTEXT=name CLUSTER=sim|node|kind"

setup: $(installed) ## Make .venv with the pinned packages and the command hubstack

# Every package is the very file that requirements.lock has a digest of, and none runs code of its own to be built.
$(installed): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(venv)
	$(pip) --require-hashes --only-binary :all: --requirement requirements.lock
	$(pip) --no-deps --no-build-isolation --editable .
	@touch $@

lock: ## Write the digests of all packages anew, after a change of requirements.txt or requirements-dev.txt
	$(PYTHON) -m venv $(venv)/uv
	$(venv)/uv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	$(compile) requirements.txt requirements-dev.txt --output-file requirements.lock
	$(compile) requirements.txt --output-file hubstack/project/template/requirements.lock.in

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

site: setup ## Make the pages of docs/ a site in .hubstack/site; a link that leads nowhere is an error
	NO_MKDOCS_2_WARNING=1 $(venv)/bin/mkdocs build --strict --quiet

bench: setup ## Measure native against helm mode and Helm itself, as ratios
	$(venv)/bin/python -m benchmarks.bench

docs: setup ## Generate docs/settings.md, the types of values and the schemas of fleet.yaml and policies.yaml from the models
	$(venv)/bin/python -m hubstack.reference
	$(venv)/bin/python -m hubstack.value_types
	$(venv)/bin/python -m hubstack.fleet.schema
	$(venv)/bin/python -m hubstack.policy.schema
