# Everything a newcomer, CI or a developer runs. `make demo` and `make test` need python3, make, git.

PYTHON ?= python3
BIN := .venv/bin
DEMO_DATA ?= data-demo

.PHONY: demo test ui lint types pytest test-dates format constraints audit dictionary clean

demo: .venv/installed
	@$(BIN)/givlake demo --data $(DEMO_DATA)

test: lint types pytest

ui: .venv/installed
	@$(BIN)/givlake ui --demo $(DEMO_DATA)

lint: .venv/installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: .venv/installed
	@$(BIN)/mypy

# Tests start many processes and wait a good deal: code is compiled once, and there are more workers
# than cores. The longest files come first, so that all workers end together. CLOCK= is the moment at
# which they run, see docs/testing.md.
pytest: .venv/installed
	@PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -q -n 4 --dist loadfile --no-loadscope-reorder \
		$(if $(CLOCK),--clock "$(CLOCK)") \
		tests/pipelines tests/warehouse tests/assets tests/givenergy tests/simulator

# The tests at many dates, one run after the other; ARGS="--list" says at which.
test-dates: .venv/installed
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m tests.support.dates $(ARGS)

format: .venv/installed
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# Pins every dependency of every platform with its hashes; needs uv.
constraints:
	uv pip compile --universal --generate-hashes --no-annotate --quiet \
		--custom-compile-command "make constraints" --python-version 3.11 \
		--group dev pyproject.toml -o constraints.txt

# Looks up every pinned package in the Python advisory database; needs pip-audit.
audit:
	pip-audit --strict --no-deps --disable-pip -r constraints.txt

dictionary: .venv/installed
	@$(BIN)/python -m assets.framework.data_dictionary docs/data-dictionary.md

clean:
	rm -rf .venv $(DEMO_DATA) build *.egg-info

.venv/installed: constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("givlake needs Python 3.11 or newer; this is %d.%d. Set PYTHON=" % v[:2])'
	@echo "Making .venv and installing the pinned packages; this takes a minute or two."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r constraints.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
