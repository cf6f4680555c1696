# Everything starts here: `make demo` shows it all on a synthetic archive, `make test` checks it.
PYTHON   ?= python3
BIN      := .venv/bin
HOME_DIR ?= demo
PATIENTS ?= 600
SEED     ?= 1
# Per cent of the lines that the tests must run in their own processes; 97 are reached, 95 where neither a real archive
# nor a database can be installed to talk to. Training runs in child processes, which are not measured.
COVERAGE ?= 95

# Files of tests are begun in the order of tests/conftest.py, the slow ones first: pytest-xdist would put those with few
# tests last, which are the slowest.
ORDERED := --dist loadfile --no-loadscope-reorder

# Tests run side by side, one process a core, so that each computes in one thread: threads of NumPy and SciPy that wait for
# each other are a fifth of the processor time of a small project. Set before Python starts; child processes inherit it.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

# What is the right Python, said before anything is installed; a .venv of another one is made again.
SUITS := -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"

# Libraries are compiled by all cores at once, without their tests: pip uses one core, for half of the minutes. As with
# pip, a file that is no Python of this version is left as it is.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt
COMPILE  = $(BIN)/python -m compileall -qq -j 0 -x '/tests?/' .venv/lib || true

# A variable on the command line that nothing here reads is a misspelt one.
KNOWN := PYTHON HOME_DIR PATIENTS SEED COVERAGE DEMO_FLAGS TEST_FLAGS
UNKNOWN := $(filter-out $(KNOWN),$(foreach name,$(.VARIABLES),$(if $(filter command line,$(origin $(name))),$(name))))
ifneq ($(UNKNOWN),)
$(error unknown variable $(UNKNOWN): known are $(KNOWN))
endif

.PHONY: demo ui test lint types defs sbom site lock clean help

demo: .venv/installed          ## from nothing to a report on the synthetic archive
	$(BIN)/echomort run --home $(HOME_DIR) --set preset=demo \
	  --set sources.synthetic.patients=$(PATIENTS) --set sources.synthetic.seed=$(SEED) $(DEMO_FLAGS)

ui: .venv/installed            ## the demo's graph in a browser
	$(BIN)/echomort ui --home $(HOME_DIR)

test: .venv/developing         ## all tests, the slow ones too, and the lines that they did not run
	$(ONE_THREAD) $(BIN)/python -m slipcover --source orchestration,assets,echomort,warehouse --json --out .coverage.json \
	  -m pytest -n auto $(ORDERED) --max-worker-restart 2 $(TEST_FLAGS)
	$(BIN)/python tests/lines_run.py .coverage.json $(COVERAGE)

lint: .venv/developing         ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/developing        ## types
	$(BIN)/mypy

defs: .venv/developing         ## does the graph load
	$(BIN)/dg check defs

sbom: .venv/developing         ## licences of all dependencies, and the bill of materials: build/sbom.cdx.json
	$(BIN)/python -m deploy.licences
	$(BIN)/python -m deploy.sbom build/sbom.cdx.json

site: .venv/developing         ## the pages of docs/ as a site: site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

lock:                          ## uv.lock anew (needs uv), with the versions of constraints.txt
	uv lock $$(sed -n 's/^\([^#; ]*==[^#; ]*\).*/-P \1/p' constraints.txt)

clean:                         ## remove the environment and the demo
	rm -rf .venv $(HOME_DIR)

help:                          ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10
	@echo "Variables: PYTHON=$(PYTHON) HOME_DIR=$(HOME_DIR) PATIENTS=$(PATIENTS) SEED=$(SEED), as in make demo PATIENTS=100"

.venv/bin/python:
	@$(PYTHON) $(SUITS) || { echo "echomort needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is $$($(PYTHON) --version 2>&1): name one, as in make demo PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv

# the sources of the compiled modules
COMPILED := $(wildcard echomort/*/*.h echomort/*/*.c echomort/*/*/*.c echomort/*/*.cpp)

.venv/installed .venv/developing: .venv/bin/python pyproject.toml constraints.txt $(COMPILED)

.venv/installed:
	@$(BIN)/python $(SUITS) 2>/dev/null || { rm -rf .venv; $(MAKE) .venv/bin/python; }
	@echo "installing echomort and its libraries into .venv: a minute or more, and no line until then"
	$(INSTALL) -e .
	$(COMPILE)
	touch $@

# Not on top of .venv/installed, which it holds: the package would be built and its dependencies resolved twice.
.venv/developing:
	@$(BIN)/python $(SUITS) 2>/dev/null || { rm -rf .venv; $(MAKE) .venv/bin/python; }
	@echo "installing echomort, its libraries and tools into .venv: some minutes, and no line until then"
	$(INSTALL) -e '.[deploy,dev,dicomweb,docs,flow,k8s,notebooks,pacs,postgres,ray,receiver,video,weights,zarr]'
	$(COMPILE)
	touch .venv/installed $@
