# Two commands matter: `make run` (the whole system on this machine) and `make test` (everything that is checked).
.DEFAULT_GOAL := help
PYTHON ?= python3
PY := .venv/bin/python
STAGE ?= local
PORT ?= 8000

.PHONY: help env run test in-process on-the-cloud check lint types arrows generate bench soak package deploy operate import import-check

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

env: .venv/.stamp ## the virtual environment, rebuilt when a requirements file changes

.venv/.stamp: requirements.txt requirements-dev.txt
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) not found; install Python 3.11 or newer, or say make PYTHON=…"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: Python 3.11 or newer is needed, this is $$($(PYTHON) --version)"; exit 1; }
	@echo "environment: installing pinned packages into .venv (about a minute)"
	@rm -rf .venv && $(PYTHON) -m venv .venv || { echo "make: $(PYTHON) -m venv failed; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# On all cores, a file on one. The tests of the local cloud share one and count what happens in it, so they are one run of
# their own; they mostly wait, and the others go on beside them.
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist loadfile

test: check ## lint, types, arrows and every test, those on the local cloud included
	@$(MAKE) --no-print-directory -j2 --output-sync=target in-process on-the-cloud

in-process: env
	$(PY) -m pytest -q $(SIDE_BY_SIDE) tests --ignore=tests/unit --ignore=tests/cloud

on-the-cloud: env
	$(PY) -m pytest -q tests/cloud

check: lint types arrows ## the fast part: lint, types, arrows, unit tests
	$(PY) -m pytest -q $(SIDE_BY_SIDE) tests/unit

lint: env
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: env
	$(PY) -m mypy

arrows: env
	.venv/bin/lint-imports

soak: env ## the long runs: the model of the ledger, what is due among 200,000 members, 1,600 spends at once, a rush on 500 pieces
	LOT_EXAMPLES=5000 LOT_STEPS=200 $(PY) -m pytest -q tests/unit/test_lots_model.py
	DUE_MEMBERS=200000 DUE_DUE=1000 $(PY) -m pytest -q -s tests/functional/test_due_counts.py
	SPENDS_EACH=200 STOCK_ATTEMPTS=5000 $(PY) -m pytest -q tests/cloud/test_together.py tests/cloud/test_stock.py

run: env ## the whole system on this machine, until Ctrl-C
	@exec $(PY) -m infra.local.run

generate: env ## the files generated from the code: templates, OpenAPI
	$(PY) -m infra.generate

bench: env ## what it costs, as ratios within one run (docs/performance.md)
	@$(PY) -m infra.bench

package: env ## the deployable zip and template: make package STAGE=dev
	$(PY) -m infra.package $(STAGE)

deploy: env ## package and deploy with CloudFormation: make deploy STAGE=dev
	$(PY) -m infra.deploy $(STAGE)

operate: env ## first owner, credentials, keys, dead letters: make operate DO="owner ada" STAGE=dev
	@STAGE=$(STAGE) $(PY) -m infra.operate $(DO)

import: env ## a file of orders into the queue: make import FILE=orders.csv [AS_OF=paid] [WAIT=1] [STAGE=dev]
	@STAGE=$(STAGE) $(PY) -m infra.intake "$(FILE)" $(if $(AS_OF),--as-of "$(AS_OF)") $(if $(WAIT),--wait)

import-check: env ## is a history imported right? on the running local cloud: make import-check FILE=orders.csv
	@$(PY) -m tests.realdata.import_check "$(FILE)"
