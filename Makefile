# make setup | setup-all | demo | test | fuzz | lint | docs | benchmark | sbom | audit. Needs git, make and Python; all else goes into .venv.
# ARGS goes to the command behind the target, for example: make test ARGS="-k geometry"
.PHONY: setup setup-all demo test fuzz system-for-tests lint docs benchmark sbom audit

PYTHON := .venv/bin/python
READY := .venv/ready
ALL_READY := .venv/all-ready

# the command, the library and the demonstration
setup: $(READY)

# also what tests and training need: TensorFlow, Slicer's libraries
setup-all: $(ALL_READY)

$(READY): pyproject.toml
	@sh .ci/system.sh demo
	@sh .ci/make-venv.sh demo
	@$(PYTHON) .ci/install.py demo
	@touch $@

$(ALL_READY): pyproject.toml
	@sh .ci/system.sh setup-all
	@sh .ci/make-venv.sh test
	@$(PYTHON) .ci/install.py test
	@touch $(READY) $@

demo: $(READY)
	$(PYTHON) -m Testing.tools.demo $(ARGS)

# Two workers: a core each is what TensorFlow and VTK tests want, and memory stays small. With ARGS, which choose tests,
# no coverage: a part of the tests covers a part of the library.
COVERAGE := --cov --cov-report=term:skip-covered --cov-fail-under=90

test: system-for-tests $(ALL_READY)
	$(PYTHON) -m pytest --numprocesses 2 --durations=10 $(or $(ARGS),$(COVERAGE))

# before pip's minutes; chosen tests say themselves what they lack
system-for-tests:
	@sh .ci/system.sh $(if $(ARGS),setup-all,test)

# 2,000 damaged inputs of each format; make fuzz ARGS="--inputs 10000 nrrd"
fuzz: $(ALL_READY)
	$(PYTHON) -m Testing.tools.fuzz $(ARGS)

# what the program depends on, with licences (CycloneDX), and whether weaknesses of it are known
sbom audit: $(ALL_READY)
	$(PYTHON) -m Testing.tools.dependencies.$@ $(ARGS)

lint: $(ALL_READY)
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	.venv/bin/lint-imports --no-logo
	$(PYTHON) -m mypy

docs: .venv/docs-ready
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict --quiet

.venv/docs-ready: pyproject.toml | $(READY)
	@$(PYTHON) .ci/install.py docs
	@touch $@

# What users have today gets an environment of its own: torch must not meet our packages
PEERS := .venv-peers
PEERS_PYTHON ?= $(shell python3.11 -c '' 2>/dev/null && echo python3.11 || echo $(PYTHON))

benchmark: $(ALL_READY) $(PEERS)/ready
	$(PYTHON) -m Testing.tools.benchmark --peers $(PEERS)/bin/python $(ARGS)

$(PEERS)/ready: Testing/tools/benchmark/peers_requirements.txt | $(ALL_READY)
	$(PEERS_PYTHON) -m venv --clear $(PEERS)
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check --no-deps dynamic-network-architectures==0.4.4
	@touch $@
