# Every target does its own set-up; nothing is assumed but python3 (3.11 or newer) and make.
.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint types unit daprd parts test-k8s bench clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## the Python environment, from the lock, with hashes
	@scripts/setup

demo: setup ## the machine path and a chain of agents, told as it happens
	@scripts/demo

test: setup parts ## lint, types and every test
	@scripts/check
	@scripts/test

check: setup ## format, lint and types
	@scripts/check

daprd: ## the Dapr sidecar: found, downloaded or built
	@scripts/daprd

parts: setup ## the real parts that tests run against, where they can be had
	@scripts/parts

bench: setup parts ## the measurements of docs/benchmarks.md
	@scripts/bench

test-k8s: setup ## the stories on the cluster of KUBECONFIG
	@scripts/test-k8s

clean: ## everything that set-up and runs left here
	rm -rf .venv .daca var bin artifacts .pytest_cache .ruff_cache .hypothesis
