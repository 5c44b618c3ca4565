# podpath.kubeadm: `make help` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
# labs share one cache
.NOTPARALLEL:

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LAB := -i inventory/article -i inventory/lab
ifdef FLANNEL_BACKEND
LAB += -e flannel_backend=$(FLANNEL_BACKEND)
endif
# a lab that stands is turned around only when it is said
ifdef CHANGE_BACKEND
LAB += -e flannel_allow_backend_change=true
endif
# what a playbook needs to find its tools, whatever shell it is called from
export PATH := $(CURDIR)/$(BIN):$(PATH)
export MOLECULE_GLOB := molecule/*/molecule.yml
# whole lines, as the playbooks print them
export MOLECULE_COMMAND_BORDERS := false
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg

.PHONY: help
help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: venv
venv: $(STAMP) ## install the Python dependencies into .venv

$(STAMP): requirements-dev.txt
	@python=$$(tools/find-python) && echo "Installing the Python dependencies into $(VENV) ($$python), a minute or two" && \
	  "$$python" -m venv $(VENV) && $(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

.PHONY: lab
lab: $(STAMP) ## fresh machine -> bundle -> mirror -> nodes -> cluster -> proof (needs root)
	@tools/lab-up $(LAB)

.PHONY: lab-down
lab-down: $(STAMP) ## take the lab down; only the cache stays
	@ansible-playbook $(LAB) playbooks/lab_down.yml

.PHONY: lab-ssh
lab-ssh: $(STAMP) ## a shell on a node of the lab: make lab-ssh NODE=node-1
	@tools/lab-do ssh $(LAB) -- $(or $(NODE),controlplane)

.PHONY: lab-kubectl
lab-kubectl: $(STAMP) ## kubectl of the lab's cluster, its pods without ARGS: make lab-kubectl ARGS='get nodes'
	@tools/lab-do kubectl $(LAB) -- $(or $(ARGS),get pods -A)

.PHONY: test
test: $(STAMP) lint unit netlab browser integration molecule ## what must hold: lint, unit tests, faults, the page, the lab itself, both backends

.PHONY: test-all
test-all: ## the same, with the tests that take minutes each
	@PODPATH_LONG=1 $(MAKE) --no-print-directory test

.PHONY: lint
lint: $(STAMP) ## ansible-lint (production), yamllint, ruff
	@yamllint --strict . && ruff check . && ansible-lint --profile production --offline

.PHONY: unit
unit: $(STAMP) ## unit tests of the pure core (of these and the next, some: make unit ARGS='-k NAME')
	@pytest --quiet tests/unit $(ARGS)

.PHONY: netlab
netlab: $(STAMP) ## the proof against each fault, with real packets in network namespaces (needs root)
	@pytest --quiet tests/netlab $(ARGS)

.PHONY: browser
browser: $(STAMP) ## the HTML report in Chromium (installs Debian's chromium, needs root for that)
	@ansible-playbook tests/browser/install.yml && pytest --quiet tests/browser $(ARGS)

.PHONY: pictures
pictures: $(STAMP) ## the pictures in docs/images, of real runs in network namespaces (needs root)
	@ansible-playbook tests/browser/install.yml && python3 tests/browser/pictures.py $(if $(INTO),--into $(INTO))

.PHONY: bench
bench: $(STAMP) ## times, memory and sizes by cluster size, as tables (docs/scale.md)
	@tools/bench

.PHONY: integration
integration: $(STAMP) ## the lab itself: bare nodes, reboot, half-dead labs, nothing left behind
	@pytest --quiet tests/integration $(ARGS)

.PHONY: molecule
molecule: $(STAMP) ## the lab end to end, in both backends
	@molecule test --all

.PHONY: clean
clean: ## remove .venv
	rm -rf $(VENV)
