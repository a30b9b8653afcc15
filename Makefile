# Everything a newcomer, CI or a developer runs. `make demo` and `make test` need python3, make, git.

PYTHON ?= python3
BIN := .venv/bin
DEMO_DATA ?= data-demo

# Code is compiled once. Slow tests start many processes and wait a good deal: they have more workers
# than cores. Others do not: the 3 seconds that a worker takes to start count. The longest files come
# first, so that all end together.
WORKERS = 6
test-fast test-servers pytest: WORKERS = 3
PYTEST = PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder \
	$(if $(CLOCK),--clock "$(CLOCK)") \
	tests/pipelines tests/givenergy tests/warehouse tests/assets tests/simulator tests/benchmarks \
	tests/servers tests/test_architecture.py

.PHONY: demo dashboard test test-fast test-slow test-servers test-all ui lint types pytest test-dates format constraints audit dictionary settings help-texts screenshots docs coverage bench bench-quick help clean

help:  ## this list
	@awk -F ':.*  ## ' '/^[a-z-]+:.*  ## / { printf "%-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/run  ## a simulated account, ingested and queried
	@$(BIN)/givlake demo --data $(DEMO_DATA)

# Two at a time: mypy without its cache takes as long as a sixth of the tests, on one core.
test: .venv/installed  ## lint, types and all tests but the slow ones: before a commit
	@$(MAKE) --no-print-directory --jobs 2 lint types pytest

test-fast: .venv/installed  ## tests of single parts, in this process: while you work
	@$(PYTEST) -m "not slow and not processes and not end_to_end and not servers"

test-slow: .venv/installed  ## the slow tests, which make test leaves out
	@$(PYTEST) -m "slow and not servers"

test-servers: .venv/servers  ## tests with PostgreSQL, an object store and ClickHouse, which it starts itself
	@$(PYTEST) -m servers

test-all: test test-slow test-servers  ## lint, types and all tests

dashboard: .venv/run  ## the demo's data in the browser; makes them if they are not there
	@test -d $(DEMO_DATA) || $(MAKE) demo
	@$(BIN)/givlake dashboard --data $(DEMO_DATA) --open

ui: .venv/run  ## Dagster on the demo's data
	@$(BIN)/givlake ui --demo $(DEMO_DATA)

# Dagster's command is superseded by one that needs a project of its own making, hence the warning.
lint: .venv/installed  ## ruff, sqlfmt and Dagster's definitions, without changing a file
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/sqlfmt --check --quiet .
	@env -u DAGSTER_HOME PYTHONWARNINGS=ignore GIVLAKE_ENV_FILE= GIVLAKE_DATA=build/no-data \
		$(BIN)/dagster definitions validate --log-level error --workspace workspace.yaml

types: .venv/installed  ## mypy
	@$(BIN)/mypy

# CLOCK= is the moment at which tests run, see docs/testing.md.
pytest: .venv/installed  ## all tests but the slow ones; CLOCK= sets their moment
	@$(PYTEST) -m "not slow and not servers"

# The tests at many dates, one run after the other; ARGS="--list" says at which.
test-dates: .venv/installed  ## all tests at many dates; takes hours
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m tests.support.dates $(ARGS)

# The same tests with the lines that they reach, in child processes too; pages in build/coverage.
coverage: .venv/installed  ## all tests with coverage; pages in build/coverage
	@$(PYTEST) --cov --cov-report=term --cov-report=html:build/coverage

# Needs PyPI once for dlt, and says so where it cannot be had; ARGS="--against CHECKOUT" adds one.
bench: .venv/installed  ## what givlake costs beside others, in benchmarks/RESULTS.md
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m benchmarks.peers.compare --output benchmarks/RESULTS.md $(ARGS)

# Counts of calls, instructions and statements, not seconds: any machine finds the same.
bench-quick: .venv/installed  ## fail if fixed works do over 10 % more than is committed; ARGS="--update" commits
	@$(BIN)/python -m benchmarks.quick.against_committed $(ARGS)

format: .venv/installed  ## fix and format Python and SQL
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/sqlfmt --quiet .

# The site in build/docs: README, docs and the reference of the packages, from a copy of every Markdown
# file and picture that git does not ignore. One page per package: each page holds the whole navigation, so that
# a page per module takes four times as long.
docs: .venv/docs  ## the documentation site in build/docs
	@rm -rf build/docs build/docs-source && mkdir -p build/docs-source
	@git ls-files --cached --others --exclude-standard LICENSE '*.md' '*.svg' '*.webp' ':!.github' ':!docs/site' \
		| tar -cf - -T - | tar -xf - -C build/docs-source
	@for package in givenergy assets warehouse pipelines; do \
		$(BIN)/sphinx-apidoc -q --no-toc --templatedir docs/site/apidoc \
			-o build/docs-source/api $$package || exit 1; done
	@$(BIN)/sphinx-build -q -W --keep-going -c docs/site build/docs-source build/docs
	@echo "The site is in build/docs/index.html"

# Pins every dependency of every platform with its hashes; needs uv. What the tests and the documents
# need beyond the program has files of its own, so that who only runs it does not install them.
PINS = constraints.txt constraints-extras.txt constraints-dev.txt constraints-docs.txt constraints-servers.txt
UV_COMPILE = uv pip compile --universal --generate-hashes --no-annotate --quiet \
	--custom-compile-command "make constraints" --python-version 3.11 pyproject.toml
WITHOUT = $$(sed -n 's/^\([a-z0-9.-]*\)==.*/--no-emit-package \1/p' $(1) | sort -u)

constraints:  ## pin all dependencies again; needs uv
	$(UV_COMPILE) --group build -o constraints.txt
	$(UV_COMPILE) --group build --extra delta --extra local --extra postgres -c constraints.txt \
		$(call WITHOUT,constraints.txt) -o constraints-extras.txt
	$(UV_COMPILE) --group build --group dev -c constraints.txt -c constraints-extras.txt \
		$(call WITHOUT,constraints.txt constraints-extras.txt) -o constraints-dev.txt
	$(UV_COMPILE) --group build --group docs -c constraints.txt -c constraints-dev.txt \
		$(call WITHOUT,constraints.txt constraints-dev.txt) -o constraints-docs.txt
	$(UV_COMPILE) --group build --extra delta --extra local --extra postgres --group servers \
		-c constraints.txt -c constraints-extras.txt -c constraints-dev.txt \
		$(call WITHOUT,constraints.txt constraints-extras.txt constraints-dev.txt) -o constraints-servers.txt

# Looks up every pinned package in the Python advisory database; needs pip-audit.
audit:  ## look up the pins in the advisory database; needs pip-audit
	pip-audit --strict --no-deps --disable-pip $(PINS:%=-r %)

dictionary: .venv/installed  ## docs/data-dictionary.md from the schemas and the marts
	@$(BIN)/python -m assets.data_dictionary docs/data-dictionary.md

settings: .venv/installed  ## the README's table of settings from their declaration
	@$(BIN)/python -m pipelines.settings_table README.md

help-texts: .venv/installed  ## the texts of `givlake --help` and of completion from the commands
	@$(BIN)/python -m pipelines.cli.declared_help pipelines/cli/help.json

screenshots: .venv/installed  ## the README's pictures from a simulated account; needs Chromium
	@$(BIN)/python -m benchmarks.dashboard.screenshots

clean:  ## remove the environment, the demo's data and build
	rm -rf .venv $(DEMO_DATA) build *.egg-info

# What the program needs; its extras, linters and tests; servers for tests; the documentation site.
.venv/run: constraints.txt pyproject.toml
	@$(PYTHON) .ci/install.py .venv constraints.txt .
	@touch $@

.venv/installed: .venv/run constraints-extras.txt constraints-dev.txt
	@$(PYTHON) .ci/install.py .venv constraints-extras.txt
	@$(PYTHON) .ci/install.py .venv constraints-dev.txt
	@touch $@

.venv/servers: .venv/installed constraints-servers.txt
	@$(PYTHON) .ci/install.py .venv constraints-servers.txt
	@touch $@

.venv/docs: .venv/run constraints-docs.txt
	@$(PYTHON) .ci/install.py .venv constraints-docs.txt
	@touch $@
