# `make serve` sets everything up and runs the server; `make test` sets everything up and tests it.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
LOCKED := $(VENV)/.installed
DEV    := $(VENV)/.installed-dev

.PHONY: serve test lint format bench bench-accuracy docs setup lock clean
.DEFAULT_GOAL := help

.PHONY: help
help:
	@echo "make serve   set up and run the server on 127.0.0.1:8000"
	@echo "make test    set up and run the tests"
	@echo "make lint    format check, lint, types, layers"
	@echo "make bench   measure speed and memory on this machine"
	@echo "make bench-accuracy AUDIO=manifest.csv AASIST=AASIST.pth AASIST_L=AASIST-L.pth   beside published weights"
	@echo "make docs    build the documentation into build/docs, without a connection"
	@echo "make setup   only set up the environment"
	@echo "make lock    pin the newest allowed versions of all dependencies"

setup: $(LOCKED)

serve: $(LOCKED)
	$(BIN)/veravox serve

test: $(DEV)
	$(BIN)/pytest --numprocesses 2 --dist loadfile

lint: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

format: $(DEV)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench-accuracy: $(DEV)
	$(BIN)/pip install --quiet --disable-pip-version-check "torch>=2.6"
	$(BIN)/python -m training.published --audio $(AUDIO) --aasist $(AASIST) --aasist-l $(AASIST_L)

bench: $(DEV)
	$(BIN)/python -m benchmarks

docs: $(DEV)
	$(BIN)/python scripts/cli_page.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

$(VENV)/bin/python:
	scripts/create-environment $(PYTHON) $(VENV)

$(LOCKED): requirements/serve.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements/serve.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(DEV): $(LOCKED) requirements/dev.lock clients/python/pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements/dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable clients/python
	@touch $@

lock: $(DEV)
	scripts/lock $(BIN)

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis
