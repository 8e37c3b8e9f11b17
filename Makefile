SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The tools of this checkout come before those of the machine.
export PATH := $(CURDIR)/bin:$(PATH)

# For test and race: FILTER runs only the tests whose name matches, PKG only those packages. REASON and KEEP belong to demo,
# FULL and ONLY to bench and e2e; FULL runs all rows of the sweeps in test as well.
FILTER ?=
PKG ?=
REASON ?=
KEEP ?=
FULL ?=
ONLY ?=
# Container images.
TAG ?= devel
VERSION ?= $(shell git describe --tags --always --dirty)
CA_CERTIFICATES ?= /etc/ssl/certs/ca-certificates.crt
IMAGES := usher usher-worker usher-simulator
BUILD_IMAGE = docker build --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD)
# A count, not a time: when a time is up, go test now and then calls the end of its own clock a failure.
FUZZTIME ?= 10000x
export REASON KEEP FULL ONLY

# The vendor's OpenAPI documents of Jira are not ours to ship. Where they are, what goes over the wire is held against them.
JIRA_SPECS ?= $(abspath $(wildcard ../shared/specs/jira))
SERVICENOW_SPECS ?= $(abspath $(wildcard ../shared/specs/servicenow))
export JIRA_SPECS SERVICENOW_SPECS
CONTRACT := $(CURDIR)/bin/contract

PACKAGES = $(if $(PKG),$(PKG),$(shell go list ./... | grep -v '/internal/e2e'))
# The Temporal CLI takes minutes to build: with PKG it is built only where a test of that package starts a server with it.
TEST_FILES = go list -f '{{$$d := .Dir}}{{range .TestGoFiles}}{{$$d}}/{{.}} {{end}}{{range .XTestGoFiles}}{{$$d}}/{{.}} {{end}}' $(PKG)
SERVER_TESTS = $(shell $(TEST_FILES) 2>/dev/null | xargs -r grep -lE 'StartDevServer|devstack/stack"')
SERVER := $(if $(PKG),$(if $(SERVER_TESTS),bin/temporal),bin/temporal)
# The tests that are expected to fail, because they prove a defect that is not mended yet.
RED := $(wildcard workflows/testdata/expected-red.txt)
# The exit code of go test goes through the pipe, because testsum decides which failures count.
GO_FAILED = echo "go test: exit status $$?"
TESTSUM = bin/testsum $(if $(TOTALS),-totals $(TOTALS)) $(if $(RED),-red $(RED))
# Most of the time of these tests is spent waiting, for timers and for what is being started.
E2E_PARALLEL ?= 3
GOTEST = go test -json -shuffle=on -timeout $(if $(FULL),180m,20m) $(if $(FILTER),-run '$(FILTER)')

TOOLS := internal/tools
LINT_TOOLS := bin/golangci-lint bin/gofumpt bin/workflowcheck bin/govulncheck
SERVERS := $(dir $(wildcard internal/connectors/*/testdata/servers/*/package-lock.json starter/httpapi/testdata/oidc/package-lock.json))

##@ Use it
help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z][a-z0-9-]*:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## the whole system on this machine, until Ctrl-C; DESK=requesttracker or servicenow with another desk than a fake Jira
	@echo "usher: compiling what has changed; the first time on a machine takes some minutes, with progress"
	@go build -o bin/usher-devstack ./internal/devstack && exec bin/usher-devstack up

demo: ## requests from the question to the closed ticket; REASON="..." is their reason, KEEP=1 leaves the system up, DESK as for run; SYNC=1: people come, move and leave instead
	@echo "usher: compiling what has changed; the first time on a machine takes some minutes, with progress"
	@go build -o bin/usher-devstack ./internal/devstack && exec bin/usher-devstack demo

demo-stop: ## stop what KEEP=1 demo left up
	@go build -o bin/usher-devstack ./internal/devstack && exec bin/usher-devstack stop

build: ## the programs, into bin/
	go build -o bin/usher ./starter
	go build -o bin/usher-worker ./worker
	go build -o bin/usher-simulator ./internal/simulator
	go build -o bin/usher-devstack ./internal/devstack

##@ Change it
test: $(SERVER) bin/testsum ## all tests but e2e; PKG=./workflows FILTER=Name runs some; what a missing real server skips is listed
	@{ $(GOTEST) $(PACKAGES) || $(GO_FAILED); } | $(TESTSUM)

# Tests that read the source, that wait for Request Tracker's own processes, or in which the SDK runs one coroutine of a workflow at
# a time, show no race and take long.
NO_RACE = %/internal/arch %/internal/connectors/apispec %/internal/connectors/requesttracker %/workflows %/workflows/people %/workflows/usersync

# Tests of who may do what make one call after another, and take minutes there.
race: $(SERVER) bin/testsum ## the same tests under the race detector, where there is something to race
	@{ $(GOTEST) -race -skip '^TestRoles$$' $(if $(PKG),$(PACKAGES),$(filter-out $(NO_RACE),$(PACKAGES))) || $(GO_FAILED); } | $(TESTSUM)

e2e: bin/temporal bin/testsum ## real binaries on a real Temporal server; FULL=1 plays every row of the sweeps, ONLY=regexp the rows it matches
	@mkdir -p $(CONTRACT)
	@{ CONTRACT_OUT=$(CONTRACT) $(GOTEST) -count=1 -parallel $(E2E_PARALLEL) -skip '^TestRecordHistories$$' ./internal/e2e/... || $(GO_FAILED); } | $(TESTSUM)

attack: bin/temporal bin/testsum ## attackers with a desk account, and callers of the API, against the running system; a row for each attack
	@{ $(GOTEST) -count=1 -run '^TestAttack(Edges)?$$' ./internal/e2e/... || $(GO_FAILED); } | $(TESTSUM)

promises: ## one table: what every service desk must do, and which desk does it; the real ones that are installed too
	@{ go test -json -count=1 -run '^TestServiceDesk$$' ./internal/connectors/... || $(GO_FAILED); } | go run ./internal/tools/promises -need jira/cloud,jira/data_center,memory,servicenow/incidents,servicenow/requested_items

test-faults: bin/temporal bin/testsum ## many requests at once on desks that spoil every fifth call, each time in another way
	@{ $(GOTEST) -count=1 -v -run '^TestDeskStorm' ./internal/e2e/... || $(GO_FAILED); } | $(TESTSUM)

contract: ## hold the operations that tests (and e2e before it) put on the wire against the vendor's documents
	@mkdir -p $(CONTRACT)
	@CONTRACT_OUT=$(CONTRACT) go test -count=1 ./internal/connectors/jira ./internal/connectors/servicenow ./internal/connectors/apispec
	@CONTRACT_OUT=$(CONTRACT) go run ./internal/tools/contract -need cloud,data_center,servicenow -remove

sizes: ## lines without tests of what desks share, of each desk and of its fake; a report, never a failure
	@lines() { for group; do \
		files=$$(find internal/connectors/$$group -maxdepth 1 -name '*.go' ! -name '*_test.go' 2>/dev/null) || continue; \
		[ -z "$$files" ] || printf '%6d  %s\n' $$(cat $$files | wc -l) $$group; \
	done; }; \
	lines desk fakewire desktest jira jira/jiratest | awk '{print; n += $$1} END {printf "%6d  together\n\n", n}'; \
	lines requesttracker servicenow servicenow/servicenowtest

bench: bin/temporal ## figures of cost, speed and size, in at most 10 minutes; FULL=1 for the long ones, ONLY=throughput for that part; ONLY=sync for the users of a desk, ten minutes, of which ONLY=sync-delta is four, else only with FULL=1
	@go build -o bin/usher-devstack ./internal/devstack && exec bin/usher-devstack bench

replay: bin/testsum ## replay the recorded histories against today's workflows
	@{ go test -json -count=1 -run Replay ./workflows/... || $(GO_FAILED); } | $(TESTSUM)

record-histories: bin/temporal ## record the histories of this version from real runs, into workflows/testdata/histories
	RECORD_HISTORIES=1 go test -count=1 -v -run '^TestRecordHistories$$' ./internal/e2e/...

mutants: bin/temporal ## plant known mistakes, one after another; every one must turn a test red
	go run ./internal/tools/mutants

fuzz: ## every fuzz test, FUZZTIME inputs each
	@grep -rnoE --include='*_test.go' --exclude-dir=node_modules '^func Fuzz[A-Za-z0-9_]+' . | while IFS=: read -r file _ name; do \
		echo "$${file%/*} $${name#func }"; \
		go test -run '^$$' -fuzz "^$${name#func }\$$" -fuzztime $(FUZZTIME) "$${file%/*}"; \
	done

lint: $(LINT_TOOLS) ## format, linters, and workflowcheck
	golangci-lint fmt --diff
	golangci-lint run
	workflowcheck -config $(TOOLS)/lint/workflowcheck.yaml ./workflows/...

fmt: $(LINT_TOOLS) ## format the code
	golangci-lint fmt

vuln: bin/govulncheck ## known vulnerabilities in what is called; asks the vulnerability database on the network
	govulncheck ./...

ci: ## exactly what CI runs; no test may be skipped
	@rm -rf bin/totals $(CONTRACT)
	@mkdir -p bin
	$(MAKE) lint
	CI=true $(MAKE) test TOTALS=bin/totals
	CI=true $(MAKE) race
	$(MAKE) fuzz
	CI=true $(MAKE) e2e TOTALS=bin/totals
	$(MAKE) contract
	@echo; echo "test and e2e together:"
	@CI=true bin/testsum -totals bin/totals -sum

##@ Ship it
image: ## the container images usher, usher-worker and usher-simulator, compiled in a container; TAG=devel
	for image in $(IMAGES); do $(BUILD_IMAGE) --target $$image -t $$image:$(TAG) .; done

image-local: image-programs ## the same images from programs that are compiled here: no other image is needed
	for image in $(IMAGES); do $(BUILD_IMAGE) --build-arg PROGRAMS=local --target $$image -t $$image:$(TAG) .; done

image-programs: ## the static programs for image-local, into bin/image
	rm -rf bin/image
	mkdir -p bin/image/state
	cp $(CA_CERTIFICATES) bin/image/ca-certificates.crt
	for program in usher=./starter usher-worker=./worker usher-simulator=./internal/simulator; do \
		CGO_ENABLED=0 GOOS=linux go build -trimpath -tags timetzdata -ldflags '-s -w' -o bin/image/$${program%%=*} $${program#*=}; \
	done

compose-check: ## let Docker Compose check docker-compose.yml
	docker compose config --quiet

##@ Get ready
tools: bin/temporal $(LINT_TOOLS) ## build the pinned tools into bin/

test-servers: $(addsuffix node_modules/.package-lock.json,$(SERVERS)) ## install the real servers that tests run on Node.js

clean: ## remove what was built
	rm -rf bin

bin/temporal: $(TOOLS)/temporal/go.mod $(TOOLS)/temporal/go.sum
	@echo "building the Temporal CLI; the first time takes some minutes"
	@mkdir -p bin
	cd $(TOOLS)/temporal && go build -o ../../../bin/temporal github.com/temporalio/cli/cmd/temporal
	@touch $@

$(LINT_TOOLS) &: $(TOOLS)/lint/go.mod $(TOOLS)/lint/go.sum
	@echo "building the linters; the first time takes some minutes"
	@mkdir -p bin
	cd $(TOOLS)/lint && go build -o ../../../bin/ tool
	@touch $(LINT_TOOLS)

bin/testsum: $(wildcard $(TOOLS)/testsum/*.go)
	@mkdir -p bin
	@go build -o bin/testsum ./$(TOOLS)/testsum
	@touch $@

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund
	@touch $@

.PHONY: help run demo demo-stop build bench sizes contract promises image image-local image-programs compose-check test race e2e attack test-faults replay record-histories mutants fuzz lint fmt vuln ci tools test-servers clean
