# Everything happens in this folder, in .venv; pip and the weights use your user cache. Needs Python 3.11 or newer.
#
#   make demo     one synthetic person dances another's dance: the video, a side-by-side, the poses, a report in demo/
#   make test     the tests
#   make lint     ruff: mistakes and formatting          make format   puts the formatting right
#   make types    mypy, strict                           make clean    removes .venv, demo/ and caches
#
#   make demo BUDGET=3m          another time to spend
#   make test TESTS=tests/test_cli.py
#   make demo PIP_FLAGS=...      more options for pip, for example a package index that holds CPU builds of PyTorch

.DEFAULT_GOAL := help
.PHONY: help venv demo test lint format types clean

BUDGET ?= 4m
TESTS ?= tests
PIP_FLAGS ?=
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
READY := .venv/.ready

help:
	@sed -n '/^#/!q;s/^# \{0,1\}//p' Makefile

venv: $(READY)

# Always with the constraints: without them pip takes the newest PyTorch, with gigabytes of CUDA beside it.
$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; install it, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY)
	$(BIN)/dancedouble demo --output demo --budget $(BUDGET)

test: $(READY)
	$(BIN)/python -m pytest $(TESTS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(READY)
	$(BIN)/mypy

clean:
	rm -rf .venv demo .pytest_cache .mypy_cache .ruff_cache
