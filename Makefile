# Everything sets itself up: a virtual environment in .venv, made by the first target that needs it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := fixtures/graphs/demo.pb

.PHONY: demo test lint docs bench clean help

help:  ## What there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

demo: $(VENV)/.demo  ## Check, repair, convert, build and verify a bundled graph that has faults
	$(BIN)/graphdoctor inspect $(DEMO)
	$(BIN)/graphdoctor check $(DEMO) --target trt3 --target rtx1.7 --fail-on never
	$(BIN)/graphdoctor cure $(DEMO) --target rtx1.7 -o out/demo

test: $(VENV)/.dev  ## The whole test suite
	$(BIN)/python -m pytest -n 2 --dist loadgroup

lint: $(VENV)/.dev  ## Style, types and floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.dev  ## Write the generated pages under docs/ and the schemas
	$(BIN)/python tools/docs.py --write
	$(BIN)/python tools/schemas.py --write

bench: $(VENV)/.dev  ## The speed rows, as ratios in one run
	$(BIN)/python bench/check_speed.py
	$(BIN)/python bench/convert_speed.py
	$(BIN)/python bench/cache_speed.py
	$(BIN)/python bench/growth.py
	$(BIN)/python bench/uff_speed.py
	$(BIN)/python bench/graphsurgeon_speed.py

clean:  ## Remove the environment and everything made
	rm -rf $(VENV) out build dist

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[all]'
	touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@ $(VENV)/.demo
