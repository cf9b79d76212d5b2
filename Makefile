# The two commands: `make repro` and `make test`. Everything runs in .venv, built from requirements.lock.
PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
READY := $(VENV)/.ready
# DVC runs its stages with the `python` of the environment, whether or not it is activated.
export PATH := $(BIN):$(PATH)
export NO_ALBUMENTATIONS_UPDATE := 1
# Empty is unset: stages and tests are many processes, and without bytecode each compiles the project anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install repro profile test test-fast test-slow bench-data bench-train bench-evaluate bench-harm bench-restore diagrams examples ship lint lock

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

install: $(READY) ## build .venv from requirements.lock

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; name one: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

repro: $(READY) ## run the pipeline of params.yaml, from photos to reports/report.html
	dvc repro
	@echo "The report: reports/report.html"

profile: $(READY) ## put a profile in place: make profile NAME=cpu
	python -m pipeline.commands.profiles $(NAME)

# Two processes, each with the tests of a file together: they share what a file's tests were given once. Files in the order
# of tests/conftest.py: xdist's own begins those with few tests last, and the longest have few.
PYTEST := python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

test: $(READY) ## fast and middle tests, 6 minutes on 2 cores
	$(PYTEST) -m "not slow"

test-fast: $(READY) ## fast tests, 80 seconds on 2 cores
	$(PYTEST) -m "not slow and not middle"

test-slow: $(READY) ## what takes longer
	python -m pytest -m slow

bench-data: $(READY) ## the data stages against bare references, as ratios; some minutes
	python -m pipeline.commands.benchmarks.data

bench-train: $(READY) ## training and inference against the plain networks, as ratios; at most 8 minutes, 4 on a GPU
	python -m pipeline.commands.benchmarks.train

bench-harm: $(READY) ## does restore make faces worse: make bench-harm PHOTOS=folder of aligned faces; half an hour
	python -m pipeline.commands.benchmarks.harm $(PHOTOS)

bench-evaluate: $(READY) ## the network's share of restoring and measuring; some minutes
	python -m pipeline.commands.benchmarks.evaluate

bench-restore: $(READY) ## restoring photos against the network alone; some minutes
	python -m pipeline.commands.benchmarks.restore

diagrams: $(READY) ## draw the networks anew: reports/examples/*.svg
	python -m pipeline.commands.diagrams

examples: $(READY) ## make README's pictures anew with the weights that ship: reports/examples/*.png
	python -m pipeline.commands.examples

ship: $(READY) ## write the kept weights as the ONNX files that travel with the package
	python -m pipeline.commands.export.ship

lint: $(READY) ## style and errors
	ruff check .
	ruff format --check .

lock: $(READY) ## renew requirements.lock from pyproject.toml (needs uv: pip install uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra pipeline --group dev \
		--custom-compile-command "make lock" pyproject.toml -o requirements.lock
