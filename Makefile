# One door to everything. Each target sets up what is missing first.
PYTHON ?= python3
DEV := $(PYTHON) -m dev

.PHONY: help setup demo screenshots test wheel changelog seams redelivery faults brokers load bench shell lint format stop clean
help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1	/'

setup: ## set up what is missing, in $DEV_HOME (default ~/.cache/mqtt_listener)
	@$(DEV) setup

demo: ## a factory publishes, Odoo stores; SECONDS=20 ends by itself and counts
	@$(DEV) demo $(SECONDS)

test: ## all tests; TESTS=<test tags or pytest -k expression> for some, WITH=<other addons>
	@MQTT_TEST_WITH=$(WITH) $(DEV) test $(if $(TESTS),"$(TESTS)")

wheel: ## the addon as a Python package, in dist/
	@$(DEV) wheel

changelog: ## what readme/newsfragments say, into CHANGELOG.md under the manifest's version
	@$(DEV) changelog

seams: ## events in any order, on the real models; STEPS=200000 for a long run, MUTANTS=1 to try it
	@MQTT_SEAMS_STEPS=$(or $(STEPS),20000) MQTT_SEAMS_MUTANTS=$(MUTANTS) $(DEV) test /mqtt_listener:TestSeams

faults: ## break everything docs/guarantees.md names; ROUNDS=20 MESSAGES=10000 FAULTS=<name>
	@$(DEV) faults $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(MESSAGES),--messages $(MESSAGES)) $(if $(FAULTS),--faults "$(FAULTS)")

brokers: ## try real brokers; MESSAGES=2000 BROKERS=<name> CHECKS=<name>
	@$(DEV) brokers $(if $(MESSAGES),--messages $(MESSAGES)) $(if $(BROKERS),--brokers "$(BROKERS)") $(if $(CHECKS),--checks "$(CHECKS)")

redelivery: ## messages that come again, simulated for each kind of broker; RUNS=20 of each
	@MQTT_REDELIVERY_RUNS=$(or $(RUNS),20) $(DEV) test /mqtt_listener:TestRedelivery

load: ## a backlog of 200,000 messages and a burst; SOAK=60 soaks for so many minutes
	@$(DEV) load $(if $(SOAK),--soak $(SOAK))

bench: ## this design against others; QUICK=1 is shorter, ONLY=rates measures parts alone
	@$(DEV) bench $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY))

screenshots: ## the pictures of the README, of a demo that is started for it
	@$(DEV) screenshots

shell: ## odoo shell on the demo database; runs a script given on standard input
	@$(DEV) shell

lint: ## ruff, pylint-odoo, OCA's checks, prettier, eslint, mypy and the import rules
	@$(DEV) lint

format: ## put the sources into the shape that lint wants
	@$(DEV) lint --fix

stop: ## stop what runs for this checkout
	@$(DEV) stop

clean: ## remove everything that was set up
	@$(DEV) clean
