# Everything works from a fresh clone with only Python 3.11+; VENV can point elsewhere.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup simulate test test-e2e test-notebooks test-live lint docs check-long bench clean

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; assert sys.version_info >= (3, 11), 'churnobs needs Python 3.11 or newer'"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	touch $(STAMP)

setup: $(STAMP)

simulate: setup  ## a retail world of 5,000 customers with drift, 12 months: a table and an HTML report
	$(BIN)/python -m simulations run demo --customers 5000 --months 12 --seed 1 --db simulation.duckdb --html report.html

test: setup
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not long"

test-notebooks: setup  ## run the notebooks of examples and compare what they say with what is stored
	$(BIN)/python -m pytest -q -n 2 tests/notebooks

test-e2e: setup  ## the dashboard in Debian's Chromium, which is installed where it is missing
	command -v chromium > /dev/null || { apt-get update -q && apt-get install -y -q --no-install-recommends chromium; }
	$(BIN)/python -m pytest -q tests/e2e

CONNECTION ?=
test-live: setup  ## the conformance suite on a real Snowflake account: make test-live CONNECTION=name
	$(BIN)/python -m pytest -q tests/conformance --connection "$(CONNECTION)" $(REQUIRE)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q --doctest-modules churnobs simulations

docs: setup  ## the documentation as a folder of pages: site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

check-long: setup  ## ten seeds, kills, statistics: many minutes
	$(BIN)/python -m pytest -q -m long tests/long tests/unit tests/hostile tests/conformance tests/offline
	$(BIN)/python -m simulations check

bench: setup
	$(BIN)/python -m benchmarks month
	$(BIN)/python -m benchmarks million
	$(BIN)/python -m benchmarks features
	$(BIN)/python -m benchmarks growth
	$(BIN)/python -m benchmarks drift
	$(BIN)/python -m benchmarks performance
	$(BIN)/python -m benchmarks cbpe
	$(BIN)/python -m benchmarks offline
	$(BIN)/python -m benchmarks dashboard

clean:
	rm -rf $(VENV) site simulation.duckdb* report.html
