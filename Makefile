# Paja. `make run` is all that a new machine needs: Python 3.11 or newer with venv and pip, and make.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(PYTHON) deploy/development/install.py
CODE := courses labs config deploy tests manage.py

.DEFAULT_GOAL := help
.PHONY: help run run-slurm test test-unit check format messages bench soak

help:  ## say what can be made
	@sed -n 's/^\([a-z-]*\):.*## /  make \1@/p' $(MAKEFILE_LIST) | awk -F@ '{printf "%-18s %s\n", $$1, $$2}'

run:  ## install what is missing, then run Paja with two hubs until Ctrl-C (PAJA_PORT, PAJA_DATA)
	@$(INSTALL) run && exec $(BIN)/python -m deploy.development.run

run-slurm:  ## the same, as root, with sessions as jobs of a real Slurm with pretend GPUs (PAJA_SLURM_NODES, …)
	@$(INSTALL) run && exec env PAJA_SLURM=1 $(BIN)/python -m deploy.development.run

test:  ## everything: unit tests, then real hub, kernels, bubblewrap, PostgreSQL and browser; about 15 minutes on two cores
	@$(INSTALL) test
	$(BIN)/python -m pytest -m "not postgres" -n 2 --dist loadgroup

test-unit:  ## what needs no server, kernel or browser; under 60 s
	@$(INSTALL) test
	$(BIN)/python -m pytest -m "not live and not postgres" -n 2

check:  ## formatter, linters, types, import contracts, missing migrations
	@$(INSTALL) test
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	git ls-files -z -- '*.html' ':!deploy' | xargs -0 --no-run-if-empty $(BIN)/djade --check --target-version 5.2
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports
	DJANGO_SETTINGS_MODULE=config.settings_test PAJA_DATABASE_URL=sqlite://:memory: $(BIN)/python manage.py makemigrations --check --dry-run

format:  ## put the code into shape
	@$(INSTALL) test
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)
	git ls-files -z -- '*.html' ':!deploy' | xargs -0 --no-run-if-empty $(BIN)/djade --target-version 5.2

messages:  ## collect texts to translate into config/locale, and compile the catalogues
	@$(INSTALL) run
	$(BIN)/python -m deploy.development.messages --collect

bench:  ## a session beside its hub asked directly, grading beside nbgrader, Submit to mark (PAJA_BENCH_PART, …); tables
	@$(INSTALL) test
	$(BIN)/python -m tests.bench

soak:  ## by hand: damaged work, parity with nbgrader, 1,000 submissions and 40 learners while things are killed (PAJA_SOAK_PART, …)
	@$(INSTALL) test
	$(BIN)/python -m tests.soak
