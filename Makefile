# kdorch: `make help` lists the targets. The recipes are what CI runs (.ci/run).

VENV        ?= .venv
KDORCH_HOME ?= ./.kdorch
# Results of measurements; a machine that collects files elsewhere sets OUT.
OUT         ?= benchmarks/results
# The interpreter of the machine's own torch; `make gpu` builds no environment.
GPU_PYTHON  ?= python3
# What `make bench` measures, the quick ones first.
BENCH       ?= laptop plan parser listing supervisor ssh scale faults
# Words for pytest: make test ARGS="-k budget"
ARGS        ?=

export VENV KDORCH_HOME PYTHON PIP_ARGS OUT

.DEFAULT_GOAL := help
.PHONY: help install demo test lint fix bench gpu clean

help: ## Show this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18
	@echo
	@echo '  PYTHON=python3.12       the interpreter to build .venv with (default: the newest of 3.13, 3.12, 3.11)'
	@echo '  PIP_ARGS="..."          more words for pip, such as --extra-index-url with CPU-only builds of torch'
	@echo '  ARGS="-k budget"        words for pytest, with make test'
	@echo '  KDORCH_HOME=./.kdorch   where make demo keeps its ledger and evidence'

install: ## Build .venv with everything; .venv/bin/kdorch is the command
	@.ci/venv

demo: install ## Run the quickstart campaign on this machine: about five minutes on two cores
	@"$(VENV)/bin/kdorch" campaign launch campaigns/quickstart.yaml

test: install ## Run every test, those on a real sshd included
	@.ci/packages sshd:openssh-server initdb:postgresql
	@.ci/packages chromium:chromium || true # its test alone is skipped without it
	@.ci/test $(ARGS)

lint: install ## Check style, types, import rules, YAML, Dockerfile and shell scripts
	@.ci/lint

fix: install ## Let ruff repair what it can
	@"$(VENV)/bin/ruff" check --fix .

bench: install ## Measure all that needs no GPU: about two hours, most of them the faults; BENCH="ssh plan" for some
	@for name in $(BENCH); do echo "== $$name" >&2; "$(VENV)/bin/python" -m "benchmarks.$$name" || exit 1; done

gpu: ## Measure on this machine's NVIDIA GPU, with its own torch; under ten minutes
	@"$(GPU_PYTHON)" benchmarks/gpu.py
	@if ls tests/gpu/test_*.py >/dev/null 2>&1; then "$(GPU_PYTHON)" -m pytest -q -m gpu tests/gpu; fi

clean: ## Remove .venv, caches and builds; .kdorch (ledger and evidence) is kept
	@[ ! -f "$(VENV)/pyvenv.cfg" ] || rm -rf -- "$(VENV)"
	@rm -rf -- build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -path ./.kdorch -prune -o -type d -name __pycache__ -prune -exec rm -rf -- {} +
	@echo 'Removed the environment, caches and builds. Ledger and evidence under .kdorch were kept.'
