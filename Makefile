# Everything from a fresh clone: `make demo` shows it working, `make test` proves it.
# Needs python3, make and git; installs the rest, or says in one line what is missing and how to get it.

# Its name, not its place: make would take a blank in it for the end of a word.
UV ?= $(shell command -v uv >/dev/null 2>&1 && echo uv || echo .tools/bin/uv)
RUN = $(UV) run --frozen --quiet
INVOKE = $(RUN) invoke
PART = sh tests/part.sh
# Tests talk to containers most of the time, so a few more processes than cores keep the cores busy.
WORKERS ?= 3
# What `make fresh` runs, and on which Debian: bookworm (12) or trixie (13).
FRESH ?= demo
DEBIAN ?= bookworm
# The caller's settings of Python, of other projects and of a real journal are not those of this checkout.
unexport PYTHONPATH PYTHONHOME PYTEST_ADDOPTS PYTEST_PLUGINS UV_PROJECT_ENVIRONMENT REMEDIATE_JOURNAL REMEDIATE_STATE_DIR
# All comparisons, or `short`: whether they can run at all.
BENCH ?= full

.PHONY: help setup engine programs demo demo-incident demo-service service-image test lint types unit package coverage container rehearsal bench soak fresh schemas docs clean

help:
	@echo "make demo   set up, break a staging host, watch it being mended"
	@echo "make demo-incident   a whole incident in six commands, from the alert to the post-mortem"
	@echo "make demo-service   from a real Prometheus's alert to the verified fix: approved by a person, and by itself"
	@echo "make test   set up, then lint, types and all tests, container tests included"
	@echo "make service-image   the service as a container image, from docs/container/Containerfile"
	@echo "make docs   build the site of the documentation into build/site, without the network"
	@echo "make bench  compare its speed with other tools, on an idle machine: writes docs/performance.md, in 20 minutes"
	@echo "make fresh  run make demo on a bare Debian, made for it (as root; DEBIAN=bookworm or trixie, FRESH=test)"
	@echo "make clean  remove containers, images and state of this checkout"

setup:
	@sh bootstrap.sh $(UV)

engine: setup
	@$(RUN) python -m remediate.rehearsal.install

demo: engine
	@sh docs/demo.sh $(INVOKE)

demo-incident: engine
	@sh docs/demo-incident.sh "$(CURDIR)/.venv/bin"

demo-service: setup
	@$(RUN) python -m remediate.rehearsal.install ssh
	@$(RUN) python -m docs.demo_service

service-image: engine
	@$(RUN) python -m docs.service_image

test: BENCH = short
test: lint types unit package container rehearsal bench

lint: setup
	@$(PART) lint sh -c '$(RUN) ruff check . && $(RUN) ruff format --check . && $(RUN) lint-imports'

types: setup
	@$(PART) types $(RUN) mypy

programs:
	@sh tests/get-programs.sh

unit: setup programs
	@$(PART) unit $(RUN) python -m pytest -m "not container and not package" -n $(WORKERS) --dist worksteal --durations=10

# What others install: the wheel and the sdist, by pip, pipx and uvx, used outside any checkout.
package: setup programs
	@$(PART) package $(RUN) python -m pytest -m package --durations=5 tests/package

# Apart: measuring takes half as long again, and no number of it decides anything.
coverage: setup programs
	@$(RUN) coverage run -m pytest -m "not container and not package" -n $(WORKERS)
	@$(RUN) coverage combine --quiet
	@$(RUN) coverage report

container: engine
	@$(PART) image $(INVOKE) staging.up
	@$(PART) container $(RUN) python -m pytest -m container -n $(WORKERS) --dist loadgroup --durations=10

rehearsal: engine
	@$(PART) rehearsal $(INVOKE) rehearse.all

bench: engine
	@$(PART) bench env PYTHONPATH=tests $(RUN) python -m bench --uv $(UV) $(BENCH)

# For hours: what chance decides, many times. The record is to be committed.
soak: engine programs
	@$(PART) soak sh tests/soak.sh $(RUN) python

# A command of the README on a machine that has nothing: a bare Debian made here, with a clone of what is committed.
fresh:
	@sh tests/fresh/run.sh $(DEBIAN) "make $(FRESH)"

schemas: setup
	@$(RUN) python -m remediate.commands.docs.schemas docs/schemas

docs: setup
	@$(RUN) python docs/site/build.py build/site
	@echo "open build/site/index.html; to search it too: python3 -m http.server -b 127.0.0.1 -d build/site"

clean:
	@[ ! -x .venv/bin/invoke ] || .venv/bin/invoke staging.down --images || \
		echo "what is left of its containers and images is not removed" >&2
	@rm -rf .venv .tools .staging .bench build dist .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
