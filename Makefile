# Everything a person types. Each target first installs what it needs and is missing.
.DEFAULT_GOAL := help
.PHONY: help setup up test chaos chaos-stack check types clean

ARGS ?=
MINUTES ?= 5
STEPS ?= 20000
SEED ?= $(shell date +%s)
INSTALL := python3 -m scripts.install
BIN := .venv/bin

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 16

setup: ## Install everything: Python, Node packages, Java, emulators, Chromium
	@$(INSTALL) python node dashboard java firestore functions chromium

up: ## Start the whole desk on this machine (options: make up ARGS="--speed 60")
	@$(INSTALL) python node dashboard java firestore functions
	@exec $(BIN)/desk up $(ARGS)

# Bytecode is written whatever the machine says: every program that a test starts would compile the desk anew.
test: setup ## Run all tests, on every core (one kind: make test ARGS=tests/unit)
	@$(BIN)/python -m scripts.dashboard
	@PYTHONDONTWRITEBYTECODE= exec $(BIN)/pytest --numprocesses auto --no-loadscope-reorder $(ARGS)

chaos: ## Tell the desk 20,000 steps of trouble, in memory, another story each time (make chaos STEPS=20000 SEED=1)
	@$(INSTALL) python
	@FIREDESK_CHAOS_STEPS=$(STEPS) FIREDESK_CHAOS_SEED=$(SEED) exec $(BIN)/pytest -q -s tests/chaos/test_desk_machine.py

chaos-stack: ## Storm the whole suite: faults, killed workers, doubled events (make chaos-stack MINUTES=5)
	@$(INSTALL) python node java firestore functions
	@exec $(BIN)/python -m scripts.chaos --minutes $(MINUTES) $(ARGS)

check: ## Lint, types, architecture, generated files, dashboard: what CI runs before the tests
	@$(INSTALL) python node dashboard
	@exec $(BIN)/python -m scripts.check

types: ## Write the generated files again: JSON Schema, TypeScript types, requirements
	@$(INSTALL) python
	@exec $(BIN)/python -m scripts.check --write

clean: ## Remove what running and building leave behind (the environments stay)
	@rm -rf .firedesk/logs .firedesk/firestore-emulator-stub.jar dashboard/dist test-artifacts htmlcov .coverage
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './.venv/*' -not -path '*/node_modules/*' -prune -exec rm -rf {} +
