# Every command a person needs; `make help` lists them.

# Azure runs the app on Python 3.13; the newest of 3.13, 3.12 and 3.11 on this machine is used.
ifndef PYTHON
PYTHON := $(shell for python in python3.13 $${PYENV_ROOT:-$$HOME/.pyenv}/versions/3.13.*/bin/python \
	python3.12 $${PYENV_ROOT:-$$HOME/.pyenv}/versions/3.12.*/bin/python python3.11 python3; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
endif
VENV ?= .venv
RUN := $(VENV)/bin/python
AZURITE := .sandbox/node/installed.json

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-bgp lint format sandbox chaos bench bench-fleet bench-latency bench-events package infra-check schema lock clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready $(AZURITE) ## Install what the other commands need (they call it themselves)

demo: setup ## Days in the life of a cluster, in four acts, on this machine, in under 90 seconds
	@$(RUN) -m sandbox demo

MODE ?= udr
sandbox: setup ## Keep the same cluster, Azure and app running, MODE=udr, routeServer, direct or observe
	@$(RUN) -m sandbox up --mode $(MODE)

test: setup ## Unit, property and on-the-wire tests
	$(RUN) -m pytest -n 2 --dist loadfile --cov --cov-report=term-missing:skip-covered --ignore tests/bgp --ignore tests/infra

test-bgp: $(VENV)/.ready ## The rendered reflectors and nodes as real FRR routers (Debian's frr, root for network namespaces)
	$(RUN) -m pytest tests/bgp

chaos: setup ## Faults, kills and several instances at random for 5 minutes; the invariants must hold
	$(RUN) -m tests.chaos --minutes 5

bench: setup ## A pass from 10 to 5,000 nodes, beside the ways people do it today and the physical floor
	$(RUN) -m bench

bench-fleet: setup ## A timer round over 200 clusters, handed out over the queue to several hosts
	$(RUN) -m bench.fleet

bench-latency: setup ## From a pod CIDR to its PUT on the wire, over 200 scale-outs, beside others' figures
	$(RUN) -m bench.latency

bench-events: setup ## 200 events in a minute: how many settling windows, how long messages wait
	$(RUN) -m bench.events --real

lint: $(VENV)/.ready ## ruff, mypy --strict, import-linter
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(VENV)/bin/lint-imports --no-cache

format: $(VENV)/.ready ## Let ruff format the code
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

package: $(VENV)/.ready ## Build what is deployed, dist/aks-pod-routes.zip; prints its size and its cold start
	@$(RUN) -m infra.package

infra-check: $(VENV)/.ready ## Templates, roles and scripts against the rules that matter and the code, and checkov
	$(RUN) -m pytest -q tests/infra
	$(RUN) -m uv tool run -q --from checkov==3.3.30 checkov --config-file infra/checkov.yaml

schema: $(VENV)/.ready ## Write docs/clusters.schema.json anew
	$(RUN) -c 'import json; from shared.config.schema import json_schema; print(json.dumps(json_schema(), indent=2))' > docs/clusters.schema.json

lock: $(VENV)/.ready ## Resolve requirements*.in into the pinned requirements*.txt, with hashes
	for name in requirements requirements-dev; do $(RUN) -m uv pip compile --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-emit-index-url --no-annotate --no-header -q $$name.in -o $$name.txt || exit 1; done

clean: ## Remove everything that was installed or written
	rm -rf $(VENV) .sandbox dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(VENV)/.ready: requirements-dev.txt requirements.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed; install it or call make PYTHON=/path/to/python3"; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(RUN) -m pip install -qq --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(AZURITE): sandbox/package-lock.json | $(VENV)/.ready
	@echo "Installing Azurite, the storage emulator ..."
	@$(RUN) -c 'from sandbox.azurite import ensure_installed; ensure_installed()'
	@touch $@
