# make demo | test | check | serve | bench | soak: each makes the virtual environment from the lock file and installs what it needs.
SHELL := /bin/sh
.DEFAULT_GOAL := help
FHIR ?= embedded
ARGS ?=
BASE_PYTHON ?= python3.11
VENV := .venv
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready
HAPI := tests/hapi/target/hapi.jar
PYTEST := $(PYTHON) -m pytest

.PHONY: help demo test check serve bench soak hapi needs clean

help:
	@echo "make demo          the whole loop on this machine, ends with a table (FHIR=hapi or FHIR=https://... for another server)"
	@echo "make test          all checks and tests on real HAPI, PostgreSQL and Chromium (ARGS=... goes to pytest)"
	@echo "make check         ruff, mypy --strict, import directions, the clinical tables"
	@echo "make serve         the service with the settings of the environment (deploy/emhwatch.env)"
	@echo "make bench         the benchmarks"
	@echo "make soak          the long proofs"

# A checksum beside the environment: a changed lock file or project file makes it anew, a changed clock does not.
STAMP := $(shell cat requirements-dev.lock pyproject.toml 2>/dev/null | cksum | cut -d' ' -f1)

$(READY)-$(STAMP):
	@.ci/need $(BASE_PYTHON) python3.11 python3.11-venv
	@$(BASE_PYTHON) -c 'import ensurepip' 2>/dev/null || rm -f $(VENV)/bin/python
	@$(BASE_PYTHON) -c 'import ensurepip' 2>/dev/null || .ci/need /usr/lib/python3.11/ensurepip/__init__.py python3.11-venv
	@rm -f $(READY)-*
	@test -x $(PYTHON) || $(BASE_PYTHON) -m venv $(VENV)
	@echo "installing the locked packages into $(VENV) ..." >&2
	@$(PYTHON) -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(PYTHON) -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(HAPI): tests/hapi/pom.xml $(shell find tests/hapi/src -type f 2>/dev/null)
	@.ci/need java openjdk-17-jdk-headless
	@.ci/need javac openjdk-17-jdk-headless
	@.ci/need mvn maven
	@echo "building the HAPI FHIR launcher (the first time downloads it) ..." >&2
	@cd tests/hapi && mvn -q -B -ntp package
	@touch $@

hapi: $(HAPI)

needs:
	@.ci/need chromium chromium
	@.ci/need /usr/lib/postgresql/*/bin/postgres postgresql

demo: $(READY)-$(STAMP) $(if $(filter hapi,$(FHIR)),$(HAPI))
	@$(PYTHON) -m emhwatch demo --once --fhir-server $(FHIR) $(ARGS)

check: $(READY)-$(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache
	$(PYTHON) -m emhwatch tables check

test: check $(HAPI) needs
	$(PYTEST) $(ARGS)

serve: $(READY)-$(STAMP)
	@$(PYTHON) -m emhwatch serve

bench: $(READY)-$(STAMP) $(HAPI) needs
	$(PYTHON) -m tests.benchmarks $(ARGS)

soak: $(READY)-$(STAMP) $(HAPI) needs
	$(PYTEST) --soak -m soak $(ARGS)

clean:
	rm -rf $(VENV) tests/hapi/target dist build .mypy_cache .ruff_cache .hypothesis
