# Two commands on a fresh machine with Python 3.11: `make demo` and `make test`. Each makes .venv from the pins if it is missing.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Rooms whose tests compute, for a second pass on a narrower processor.
NUMERIC := $(addprefix tests/,metrics similarity statistics retrieval modeling evaluation)

.PHONY: setup demo test test-all test-narrow check docs site hooks bench clean

setup: $(STAMP)

$(STAMP): constraints.txt setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --constraint constraints.txt pip setuptools
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[embedded,dev]'
	touch $(STAMP)

demo: setup
	$(BIN)/xstilts demo

# A test that fails is run once more, and named in the summary if it passes then (docs/decisions/0044-run-once-more.md).
AGAIN := --reruns 1 -rfER

test: setup
	$(BIN)/python -m pytest -q -n 2 --dist loadfile $(AGAIN)

# With the slow lane: compilation, kills, the real encoder, a browser.
test-all: setup
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --run-slow $(AGAIN)

# As on a processor without AVX-512 and with two threads: no assertion may rest on the rounding of one machine.
test-narrow: setup
	PYTHON=$(BIN)/python tests/narrow.sh -q $(NUMERIC)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy toolkit cli.py
	$(BIN)/python -m pytest -q tests/test_architecture.py tests/test_docs.py tests/test_english.py
	$(BIN)/python -m pytest -q --doctest-modules toolkit

# The pages that are generated.
docs: setup
	$(BIN)/python docs/make_cli.py
	$(BIN)/python docs/make_architecture.py
	$(BIN)/python docs/make_results.py

# The documentation site, in site/: built without a network, with every link and anchor checked.
$(VENV)/.site: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[embedded,dev,docs]'
	touch $@

site: $(VENV)/.site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	$(BIN)/python docs/check_site.py site

# The same checks as `make check`, before each commit, on the files that it changes.
hooks: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[embedded,dev,hooks]'
	$(BIN)/pre-commit install

bench: setup
	$(BIN)/python benchmarks/train_adapter.py --quick --json $$($(BIN)/python benchmarks/measure.py)/train_adapter.quick.json
	$(BIN)/python benchmarks/fusion.py --quick --json $$($(BIN)/python benchmarks/measure.py)/fusion.quick.json

clean:
	rm -rf $(VENV) build site *.egg-info .pytest_cache .mypy_cache .ruff_cache
