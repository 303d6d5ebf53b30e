# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export PATH := $(shell tests/tools/pythons)$(PATH)
export LC_ALL := C.UTF-8
# Without kept bytecode each start of Ansible compiles all of it anew: more than half of the time.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv/.installed
CORES := 2.16 2.18 2.19 2.20
CORE_VENVS := $(CORES:%=.venv-core/%/.installed)
PYTHONS_2.16 := 3.11 3.12
PYTHONS_2.18 := 3.11 3.12 3.13
PYTHONS_2.19 := 3.11 3.12 3.13
PYTHONS_2.20 := 3.12 3.13

##@ Try it
demo: .venv-demo/.installed  ## Upgrade three simulated servers; two fail and are restored (BREAK=restore: must fail)
	@.venv-demo/bin/python tests/demo/run.py $(if $(BREAK),--break $(BREAK))

##@ Every day
venv: $(VENV)  ## Make or refresh .venv with every development tool
unit: $(VENV)  ## Unit tests of the plugins in half a minute: each with the first of its values, without the slow ones
	@.venv/bin/pytest -q -n 2 --brief -p no:schemathesis tests/unit/plugins
format: $(VENV)  ## Format the Python code and fix what can be fixed
	@.venv/bin/ruff check --fix-only --quiet . && .venv/bin/ruff format .
gate: $(VENV)  ## Some gates by name, such as GATE="mypy ansible-lint"; without a name: list them
	@.venv/bin/python tests/tools/gates.py run $(GATE)

##@ Before a merge
test: $(VENV)  ## What guards every change, on the newest ansible-core
	@.venv/bin/python tests/tools/gates.py test
test-all: $(VENV) $(CORE_VENVS)  ## All gates and cases, on every supported ansible-core, with a table at the end
	@.venv/bin/python tests/tools/gates.py test-all
core: $(VENV) $(patsubst %,.venv-core/%/.installed,$(filter $(CORE),$(CORES)))  ## The gates of one older ansible-core: CORE=2.16, with PYTHON=3.12 on that Python
	@.venv/bin/python tests/tools/gates.py core $(CORE)
bench: $(VENV) .venv-peers/.installed  ## Measure speed beside others and write docs/speed.md (QUICK=1: only print; PART="fleet")
	@.venv/bin/python tests/bench $(if $(QUICK),--quick) $(PART)
bench-check: $(VENV) .venv-peers/.installed  ## Measure quickly, and fail when something has become slow
	@.venv/bin/python tests/bench --check $(PART)
awx-check: $(VENV)  ## Hold the AWX kit against AWX's rules and the role's
	@.venv/bin/python tests/tools/awx_check.py
matrix: $(VENV)  ## Try every write and every poll with every fault, and print the table
	@.venv/bin/pytest -n 2 -q tests/integration/matrix
rollbacks: $(VENV)  ## Try 300 rollbacks while every third answer is a random status from 300 to 599
	@.venv/bin/python tests/integration/matrix/rollbacks.py
systems: $(VENV)  ## Upgrade real systems in containers, and break them (root; 10 minutes; CASE="kernel or conffile" for some)
	@PYTHONPATH=tests .venv/bin/python -m systems.image
	@tests/systems/apart .venv/bin/pytest -q tests/systems $(if $(CASE),-k "$(CASE)")
promises: $(VENV)  ## Count what holds the promises: cells, steps, channels
	@.venv/bin/python tests/tools/promises.py
nightly: $(VENV)  ## Ten thousand random steps against the model (minutes)
	@HYPOTHESIS_PROFILE=nightly .venv/bin/pytest -q tests/integration/model
coverage: $(VENV)  ## Measure which lines and branches of plugins/ the tests run
	@PATH="$$PWD/.venv/bin:$$PATH" tests/tools/coverage
mutants: $(VENV)  ## Change the plugins' code in every small way, list what no unit test notices (FILE="_client" or SAMPLE=800 for some)
	@SAMPLE="$(SAMPLE)" PATH="$$PWD/.venv/bin:$$PATH" tests/tools/mutants $(FILE)
guards: $(VENV)  ## Break the code on purpose, and see that the tests notice (GUARD="quota prune" for some)
	@.venv/bin/python tests/tools/guards.py $(GUARD)

##@ Documentation
docs: $(VENV)  ## Build the documentation site into build/site; a warning or a broken link is an error
	@PATH="$$PWD/.venv/bin:$$PATH" tests/tools/docs_site build/site
picture: $(VENV)  ## Run the demo and draw what happened: docs/images/run.svg
	@.venv/bin/python tests/tools/picture.py

##@ Release
build: $(VENV)  ## Build the collection's tarball into build/, from a copy without caches
	@work=$$(mktemp -d) && trap 'rm -rf "$$work"' EXIT && rm -f build/vps_org-cloud-*.tar.gz && \
	    .venv/bin/ansible-galaxy collection build --output-path build \
	        "$$(.venv/bin/python tests/tools/stage.py "$$work")"
release-check: build  ## See that the tarball is complete, installs, runs the demo and passes Galaxy's importer
	@.venv/bin/python tests/tools/gates.py run tarball installed-demo galaxy-importer
release: $(VENV)  ## Write the changelog of the version in galaxy.yml from its fragments
	@PATH="$$PWD/.venv/bin:$$PATH" antsibull-changelog release --reload-plugins
lock: $(VENV)  ## Lock what requirements-dev.txt needs, with hashes, for every Python of the tools
	@mkdir -p build && { head -n 3 requirements-dev.txt && .venv/bin/uv pip compile --quiet --universal --python-version 3.12 \
	    --generate-hashes --no-header --no-emit-index-url --no-emit-find-links requirements-dev.txt; } > build/lock
	@mv build/lock requirements-dev.lock
clean:  ## Remove everything that these commands made
	rm -rf .venv .venv-* .cache .hypothesis .mypy_cache .ruff_cache .pytest_cache build collections
	find . -name __pycache__ -prune -exec rm -rf {} +

help:  ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {print "\n" substr($$0, 5)} \
	    /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV): requirements-dev.lock tests/tools/venv
	@tests/tools/venv .venv "3.13 3.12" --require-hashes -r requirements-dev.lock

.venv-demo/.installed: requirements.txt tests/tools/venv
	@tests/tools/venv .venv-demo "3.13 3.12 3.11 3.14" ansible-core -r requirements.txt

.venv-peers/.installed: tests/bench/requirements.txt tests/tools/venv
	@tests/tools/venv .venv-peers "3.13 3.12" -r tests/bench/requirements.txt

.venv-core/%/.installed: requirements-dev.txt tests/tools/venv $(if $(PYTHON),again)
	@tests/tools/venv .venv-core/$* "$(or $(PYTHON),$(PYTHONS_$*))" "ansible-core~=$*.0" \
	    $$(grep -E '^(html5lib|hypothesis|jsonschema|openapi-core|prometheus-client|pytest|pytest-xdist|requests)==' requirements-dev.txt)

.PHONY: demo venv unit format gate test test-all core bench bench-check matrix coverage mutants awx-check rollbacks systems promises nightly guards docs picture lock build release-check release clean help again
