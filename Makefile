# Every target first installs what is missing; see .ci/setup.
PYTHON_IN_VENV := .venv/bin/python

.PHONY: help setup demo screenshots test test-bare coverage bench chaos faults soak matrix cluster build packages test-packages lock docs lint

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 15

setup: ## Install what is missing: a virtual environment in .venv, RabbitMQ, the tests' tools
	@.ci/setup

demo: ## Run a demo for 20 seconds on a private RabbitMQ, with a web page; KEEP=1 leaves it running
	@.ci/setup demo
	@KEEP=$(KEEP) $(PYTHON_IN_VENV) -m benchmarks.demo

screenshots: setup ## Take the pictures of the web page in docs/pictures, a minute and a half
	@$(PYTHON_IN_VENV) -m benchmarks.screenshots

test: setup ## Run every test, on private RabbitMQ nodes; ARGS='tests/unit -x' goes to pytest
	@.ci/test $(ARGS)

COVERING ?= tests/unit tests/behaviour tests/broker tests/system

coverage: setup ## List the lines and branches that no test runs, subprocesses included; ARGS='-k ledger' goes to pytest
	@$(PYTHON_IN_VENV) -m coverage erase
	@$(PYTHON_IN_VENV) -m coverage run -m pytest -n 2 --dist loadfile -m "not alone and not faults" $(COVERING) $(ARGS); result=$$?; \
	$(PYTHON_IN_VENV) -m coverage combine -q && $(PYTHON_IN_VENV) -m coverage report && exit $$result

bench: setup ## Measure lines per second and latency on this machine
	@$(PYTHON_IN_VENV) -m benchmarks.run

chaos: setup ## Inject random faults for a minute: kill, freeze, cut, fill up; ARGS='--minutes 30 --seed 7' for longer
	@PYTHONPATH=tests $(PYTHON_IN_VENV) -m support.chaos $(ARGS)

faults: setup ## See each alert fire by a real fault, and each panel of the dashboard show one, under Prometheus: five minutes
	@$(PYTHON_IN_VENV) -m pytest -m faults tests/system/test_faults_shown.py $(ARGS)

soak: setup ## Run the long profile, most of an hour: 2,000 examples of each model, each mode of logrotate for a minute
	@LOGBUS_PROFILE=soak $(PYTHON_IN_VENV) -m pytest -o timeout=3600 tests/model tests/system/test_logrotate.py $(ARGS)

RABBITMQ_OF ?= trixie forky
MATRIX_TESTS := tests/broker tests/system --ignore tests/system/test_readme.py --ignore tests/system/test_logrotate.py

matrix: setup ## Run the broker and system tests with RabbitMQ 4.0 and 4.3 (Debian trixie and forky), fetched into .rabbitmq
	@for each in $(RABBITMQ_OF); do \
		variables=$$(.ci/fetch-rabbitmq $$each) && eval "$$variables" && echo "matrix: $$(basename $$RABBITMQ_HOME)" \
		&& .ci/test $(MATRIX_TESTS) $(ARGS) || exit 1; \
	done

cluster: setup ## Kill nodes of a cluster of three under 10,000 lines/s, about ten minutes; ARGS='--kills 1' for less
	@PYTHONPATH=tests $(PYTHON_IN_VENV) -m support.clusterworld $(ARGS)

test-bare: ## Try demo and tests in a fresh bare Debian, as root and as an ordinary user: about 40 minutes, needs debootstrap
	@.ci/test-bare $(ARGS)

build: setup ## Build wheel and sdist into dist/, check them, and try the wheel in an empty environment
	@.ci/build

packages: setup ## Build wheel, sdist and Debian packages for this release into dist/; installs debhelper and lintian with apt
	@.ci/packages

test-packages: ## Install, upgrade and purge the packages of dist/ in a fresh bare Debian under systemd: two minutes, needs root
	@.ci/test-packages

lock: ## Write .ci/requirements.lock, the versions that packages hold; ARGS=--upgrade takes the newest
	@.ci/lock $(ARGS)

docs: setup ## Build the documentation's site into dist/site, and test its links; ARGS=--links asks other hosts, too
	@.ci/docs $(ARGS)

lint: setup ## Check formatting, style and types, tests included
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
