# Every target that a person needs; `make help` lists them. The toolchain is pinned: the go command
# fetches it where it is missing.
export GOTOOLCHAIN := go1.26.8
# Only the race detector needs C. What all builds share is built once.
export CGO_ENABLED := 0
SEED ?=
SCENARIO ?=
OUT ?=
SEEDS ?= 1-20
# How long the tests of one package may take: slow machines fail none.
PATIENCE ?= 30m
RUN ?=
LOG ?=
SCHEDULE ?=
LOOK ?=
SHARD ?=
MINUTES ?= 10
COMPARE ?=
export PICLOUD_DATA ?=
PICLOUD := bin/picloud

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/picloud
	@go build -o $(PICLOUD) .

.PHONY: sim
sim: build ## run a scenario: [SEED=n] [SCENARIO=name] [OUT=folder] [WITHOUT=defence] [SCHEDULE=file] [LOG=access.log, for access-log]; pinboard with a seed of its own choice
	@$(PICLOUD) sim $(if $(SEED),-seed $(SEED)) $(if $(SCENARIO),-scenario $(SCENARIO)) $(if $(OUT),-out $(OUT)) $(if $(WITHOUT),-without $(WITHOUT)) $(if $(SCHEDULE),-schedule $(SCHEDULE)) $(if $(LOG),-log $(LOG))

.PHONY: scenarios
scenarios: build ## list the scenarios, or say what stands in one: [SCENARIO=name]
	@$(PICLOUD) scenarios $(SCENARIO)

.PHONY: sweep
sweep: build ## run many seeds on all cores: SEEDS=list [SCENARIO=name] [SHARD=i/n] [COMPARE=folder] [OUT=folder]
	@$(PICLOUD) sweep -seeds $(SEEDS) $(if $(SCENARIO),-scenario $(SCENARIO)) $(if $(SHARD),-shard $(SHARD)) $(if $(COMPARE),-compare $(COMPARE)) $(if $(OUT),-out $(OUT))

.PHONY: soak
soak: build ## draw clouds and play them, at full strength: MINUTES=n [SEED=n] [OUT=folder]
	@$(PICLOUD) soak -minutes $(MINUTES) $(if $(SEED),-seed $(SEED)) $(if $(OUT),-out $(OUT))

.PHONY: replay
replay: build ## play a run again from its folder: RUN=folder
	@$(PICLOUD) replay $(RUN)

.PHONY: shrink
shrink: build ## cut a failing run down to what it needs in order to fail: RUN=folder [OUT=folder]
	@$(PICLOUD) shrink $(if $(OUT),-out $(OUT)) $(RUN)

.PHONY: cause
cause: build ## say what mattered in a failing run, and when it was certain: RUN=folder
	@$(PICLOUD) cause $(RUN)

.PHONY: determinism
determinism: build ## run 20 seeds twice under different circumstances and compare every byte: [SCENARIO=name]; first-cloud
	@$(PICLOUD) determinism -seeds $(SEEDS) -scenario $(or $(SCENARIO),first-cloud)

.PHONY: race-sim
race-sim: build ## run a scenario with the race detector in every machine: [SCENARIO=name]; first-cloud; needs a C compiler
	@$(PICLOUD) sim -race $(if $(SEED),-seed $(SEED)) -scenario $(or $(SCENARIO),first-cloud) $(if $(OUT),-out $(OUT))

.PHONY: museum
museum: build ## find every planted bug of the museum, and let its mended twin survive
	@$(PICLOUD) museum

.PHONY: museum-quick
museum-quick: build ## the rooms of the museum whose bugs show at once
	@$(PICLOUD) museum -only ack-before-fsync,rename-without-dir-sync,lost-update,hung-leader -seeds 100 -twins 20 -hunts 1 -cuts 0

.PHONY: mutants
mutants: build ## find every bug that can be planted in our own code, and those of the museum: in how many seeds, shown by how few faults
	@$(PICLOUD) mutants; ended=$$?; $(PICLOUD) museum -twins 0 && exit $$ended

.PHONY: defences
defences: build ## show that each scenario fails without the defence that it is about: [SCENARIO=name]
	@$(PICLOUD) defences $(if $(SCENARIO),-only $(SCENARIO))

.PHONY: bench
bench: build ## measure the tiers against what people would use instead; says what it needs [OUT=folder]
	@$(PICLOUD) bench $(if $(OUT),-out $(OUT))

.PHONY: abuse-score
abuse-score: build ## measure how well spam is told from what people write: [PICLOUD_DATA=folder with the corpus] [OUT=file]
	@$(PICLOUD) abuse-score $(if $(OUT),-out $(OUT))

.PHONY: bench-sim
bench-sim: build ## measure what the simulated world costs
	@$(PICLOUD) bench-sim $(if $(OUT),-out $(OUT))

.PHONY: test
test: build test-plain test-sim ## the tests: plain ones, and those inside simulated machines

.PHONY: test-plain
test-plain: ## the tests that need no simulated machine
	@go test -timeout $(PATIENCE) ./...

.PHONY: test-sim
test-sim: build ## the tests that run inside simulated machines
	@$(PICLOUD) test -count=1 ./sim/kernel ./sim/machine ./sim/world ./scenarios/runner

.PHONY: test-live
test-live: build ## nodes as real processes, killed again and again: nothing acknowledged is lost
	@$(PICLOUD) live $(if $(SEED),-seed $(SEED))
	@$(PICLOUD) live $(if $(SEED),-seed $(SEED)) -drop-unsynced

.PHONY: size
size: build ## the stripped programs' size, and the memory of an idle node; fails when they are too large
	@$(PICLOUD) size

.PHONY: test-redis
test-redis: ## redis-cli and redis-benchmark, unchanged, against a cloud; installs redis-tools for root
	@command -v redis-benchmark >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -q && apt-get install -y -q --no-install-recommends redis-tools; } || \
		{ echo "redis-cli and redis-benchmark are missing: install Debian's package redis-tools"; exit 1; }
	@go test -count=1 -run 'RedisTools|GoRedis' ./scenarios/command ./node/db

.PHONY: test-browser
test-browser: ## Pinboard's page, against a cloud, and reports of runs in a real browser; installs chromium for root [LOOK=folder for pictures]
	@{ command -v chromium || command -v google-chrome; } >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -q && apt-get install -y -q --no-install-recommends chromium; } || \
		{ echo "a browser is missing: install Debian's package chromium"; exit 1; }
	@go test -count=1 ./scenarios/browser -need $(if $(LOOK),-look $(abspath $(LOOK)))

EMULATOR := qemu-system-arm device-tree-compiler debian-archive-keyring
.PHONY: emulator
emulator: # its programs are at hand: QEMU, and what edits device trees; installs them for root
	@{ command -v qemu-system-aarch64 && command -v fdtput; } >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -q && apt-get install -y -q --no-install-recommends $(EMULATOR); } || \
		{ echo "qemu-system-aarch64 and fdtput are missing: install Debian's packages $(EMULATOR)"; exit 1; }

.PHONY: test-pi
test-pi: emulator ## a node on an emulated Raspberry Pi 3B: board, pins, watchdog as its kernel sees them; installs QEMU for root, downloads a kernel
	@go test -count=1 -timeout 60m -run 'Pi$$|Watchdog$$' ./scenarios/emulated -boot

.PHONY: test-pi-mesh
test-pi-mesh: emulator ## a cloud of three emulated Pis, one of which is lost; installs QEMU for root, downloads a kernel
	@go test -count=1 -timeout 60m -run 'Mesh$$' ./scenarios/emulated -boot

PROMETHEUS := prometheus prometheus-alertmanager
.PHONY: prometheus
prometheus: # its tools are at hand: promtool, amtool and the server; installs them for root
	@command -v promtool amtool prometheus >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -q && apt-get install -y -q --no-install-recommends $(PROMETHEUS); } || \
		{ echo "promtool, amtool and prometheus are missing: install Debian's packages $(PROMETHEUS)"; exit 1; }

.PHONY: check-rules
check-rules: prometheus ## alert rules, their stories and inhibitions, with promtool and amtool; installs both for root
	@promtool check rules --lint-fatal node/levels.yaml $$(ls hw/alerts.yaml node/alerts.yaml node/*/alerts.yaml)
	@promtool test rules $$(ls hw/*_test.yaml node/*_test.yaml node/*/*_test.yaml)
	@{ cat node/inhibit.yaml; echo 'route: {receiver: none}'; echo 'receivers: [{name: none}]'; } | amtool check-config

.PHONY: test-prometheus
test-prometheus: prometheus ## a Prometheus scrapes a cloud and evaluates its rules, without a warning; installs it for root
	@go test -count=1 -run Prometheus ./scenarios/command

.PHONY: race
race: ## the tests outside the simulator that start goroutines, with the race detector; needs a C compiler
	@of="$$(go list -f '{{.Dir}} {{.ImportPath}}' ./... | grep -v /sim/detrt/overlay | while read -r dir name; do \
		if grep -qE '^[[:space:]]+go [a-zA-Z]|\.Go\(|hwtest\.|hosttest\.|storetest\.' "$$dir"/*.go; then echo "$$name"; fi; done)"; \
		export CGO_ENABLED=1; go test -race -short -timeout $(PATIENCE) $$of || \
		{ echo "what failed is run once more: the detector itself crashes now and then in synctest's bubbles"; go test -race -short -timeout $(PATIENCE) $$of; }

.PHONY: lint
lint: ## gofmt, go vet, staticcheck
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not formatted:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	@go vet ./...
	@go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

.PHONY: clean
clean: ## remove what was built and what runs left
	@rm -rf bin out .cache
