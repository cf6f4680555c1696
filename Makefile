# Everything starts here: `make demo` shows it all on a synthetic archive, `make test` checks it.
PYTHON   ?= python3
BIN      := .venv/bin
HOME_DIR ?= demo
PATIENTS ?= 600
SEED     ?= 1
# Per cent of the lines that the tests must run in their own processes; 97 are reached, 95 where neither a real archive
# nor a database can be installed to talk to. Training runs in child processes, which are not measured.
COVERAGE ?= 95

.PHONY: demo ui test lint types defs bench clean

demo: .venv/installed          ## from nothing to a report on the synthetic archive
	$(BIN)/echomort run --home $(HOME_DIR) --set preset=demo \
	  --set sources.synthetic.patients=$(PATIENTS) --set sources.synthetic.seed=$(SEED) $(DEMO_FLAGS)

ui: .venv/installed            ## the demo's graph in a browser
	$(BIN)/echomort ui --home $(HOME_DIR)

test: .venv/developing         ## all tests, the slow ones too, and the lines that they did not run
	$(BIN)/python -m slipcover --source orchestration,assets,echomort,warehouse --json --out .coverage.json \
	  -m pytest -n auto --dist loadfile $(TEST_FLAGS)
	$(BIN)/python tests/lines_run.py .coverage.json $(COVERAGE)

lint: .venv/developing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/developing
	$(BIN)/mypy

defs: .venv/developing         ## does the graph load
	$(BIN)/dg check defs

clean:
	rm -rf .venv $(HOME_DIR)

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt echomort/dicom/_scaling.c echomort/networks/_unit.cpp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

.venv/developing: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,dicomweb,flow,postgres,receiver,video,weights,zarr]'
	touch $@
