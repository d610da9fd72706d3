# The verbs of this repository; README.md says the same without make.
BIN := .venv/bin
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url
PYTHON_FILES := fleet oemupdates tests bench cli manage.py
NODE_SCRIPTS := $(addprefix static/node/,beacon report install oem-fleet.sysext/create.sh)
# What `check --deploy` is asked about: settings as production has them.
DEPLOYED := env -i PATH="$$PATH" DATABASE_URL=postgres://fleet@db.example.net/fleet \
	REDIS_URL=redis://queue.example.net/0 FLEET_URL=https://fleet.example.net \
	FLEET_SECRET_KEY=0123456789abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ

.DEFAULT_GOAL := help
.PHONY: help run test check format lock openapi bench

help:  ## say what can be done
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

run: $(BIN)/python  ## run everything in the foreground
	$(BIN)/python manage.py runfleet

test: $(BIN)/pytest  ## run all the tests, on SQLite and on PostgreSQL
	$(BIN)/python -m tests

CHECKS := check-format check-lint check-types check-floors check-templates check-scripts \
	check-migrations check-deployment
.PHONY: $(CHECKS)

check: $(CHECKS)  ## everything that can be judged without running it; -k to see all that is wrong

$(CHECKS): $(BIN)/pytest

check-format:
	$(BIN)/ruff format --check $(PYTHON_FILES)

check-lint:
	$(BIN)/ruff check $(PYTHON_FILES)

check-types:
	$(BIN)/mypy

check-floors:
	$(BIN)/lint-imports

check-templates:
	find templates -name '*.html' -print0 | xargs -0r $(BIN)/djade --check --target-version 5.2

check-scripts:
	$(BIN)/shellcheck --shell=bash $(NODE_SCRIPTS)

check-migrations:
	$(BIN)/python manage.py makemigrations --check --dry-run

check-deployment:
	$(DEPLOYED) $(BIN)/python manage.py check --deploy --fail-level WARNING

format: $(BIN)/pytest  ## put code and templates into shape
	$(BIN)/ruff format $(PYTHON_FILES)
	$(BIN)/ruff check --fix $(PYTHON_FILES)
	find templates -name '*.html' -print0 | xargs -0r $(BIN)/djade --target-version 5.2

lock: $(BIN)/pytest  ## compile the requirements anew, with hashes
	$(BIN)/python -m pip install --quiet uv
	$(LOCK) requirements.in --output-file requirements.txt
	$(LOCK) requirements-dev.in --output-file requirements-dev.txt

openapi: $(BIN)/python  ## write docs/openapi.yaml anew
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

bench: $(BIN)/python  ## measure the update endpoint
	$(BIN)/python -m bench

$(BIN)/python:
	python3 -m venv .venv
	$(BIN)/pip install --quiet -r requirements.txt

$(BIN)/pytest: | $(BIN)/python
	$(BIN)/pip install --quiet -r requirements-dev.txt
