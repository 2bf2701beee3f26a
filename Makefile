# make setup | demo | test | lint | docs | benchmark. Needs git, make and Python 3.12 or 3.11; all else goes into .venv.
# ARGS goes to the command behind the target, for example: make test ARGS="-k geometry"
.PHONY: setup demo test lint docs benchmark

PYTHON := .venv/bin/python
READY := .venv/ready

setup: $(READY)

$(READY): pyproject.toml
	@# an environment whose Python no longer starts, or is too old or too new, is made afresh
	@if ! $(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null; then \
	    python=$$(sh .ci/find-python.sh) && echo "Making .venv with $$python" && "$$python" -m venv --clear .venv; \
	fi
	@echo "Installing what the tests and the demonstration need; the first time this takes some minutes."
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --editable ".[test]"
	@touch $@

demo: setup
	$(PYTHON) -m Testing.tools.demo $(ARGS)

# Two workers: a core each is what TensorFlow and VTK tests want, and memory stays small. With ARGS, which choose tests,
# no coverage: a part of the tests covers a part of the library.
COVERAGE := --cov --cov-report=term:skip-covered --cov-fail-under=90

test: setup
	$(PYTHON) -m pytest --numprocesses 2 --durations=10 $(or $(ARGS),$(COVERAGE))

lint: setup
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	.venv/bin/lint-imports --no-logo

docs: .venv/docs-ready
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict --quiet

.venv/docs-ready: pyproject.toml | setup
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --editable ".[docs]"
	@touch $@

# What users have today gets an environment of its own: torch must not meet our packages
PEERS := .venv-peers
PEERS_PYTHON ?= $(shell python3.11 -c '' 2>/dev/null && echo python3.11 || echo $(PYTHON))

benchmark: setup $(PEERS)/ready
	$(PYTHON) -m Testing.tools.benchmark --peers $(PEERS)/bin/python $(ARGS)

$(PEERS)/ready: Testing/tools/benchmark/peers_requirements.txt | setup
	$(PEERS_PYTHON) -m venv --clear $(PEERS)
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check --no-deps dynamic-network-architectures==0.4.4
	@touch $@
