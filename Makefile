# `make` lists what there is.
.DEFAULT_GOAL := help
# A file of tests stays in one process, and a room's files come one after the other, where its fixtures are; each
# process wants about 2 GB.
WORKERS ?= 2

.PHONY: help setup demo serve test check fmt docs clean

PY := .venv/bin/python
# More threads than cores make the small kernels of training many times slower.
export OMP_NUM_THREADS ?= 2
export OMP_WAIT_POLICY ?= PASSIVE

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

setup: ## make .venv with everything that running needs
	@scripts/setup

demo: setup ## one photo (PORTRAIT=path) through the service, to demo-output/index.html
	@.venv/bin/perse doctor --warm-up
	@$(PY) scripts/demo.py $(if $(PORTRAIT),--portrait "$(PORTRAIT)")

serve: setup ## run the service on http://127.0.0.1:8000
	@.venv/bin/perse serve

test: ## set up and run every test (uses the servers that it finds on PATH); WORKERS=4 for more at once
	@scripts/setup dev
	@OMP_NUM_THREADS=1 $(PY) -m pytest --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder $(ARGS)

check: ## lint, formatting and types
	@scripts/setup dev
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

fmt: ## format the code
	@.venv/bin/ruff check --fix-only -q .
	@.venv/bin/ruff format .

clean: ## remove what the targets made
	rm -rf .venv demo-output build dist .mypy_cache .ruff_cache .pytest_cache
