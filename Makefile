# A short front door: Meson and Ninja do the work (meson.build), script/ holds what takes more than a line.
BUILD ?= build

.PHONY: all run test test-faults test-path test-durability test-soak test-idle compare-path bench bench-watch bench-baselines bench-gateway fuzz lint format install clean setup

all: setup
	@ninja -C $(BUILD) --quiet src/cmd/vedette
	@ln -sf src/cmd/vedette $(BUILD)/vedette

setup:
	@script/bootstrap build
	@[ -f $(BUILD)/build.ninja ] || { echo "Building for the first time: this takes up to a minute."; \
		meson setup $(BUILD) --prefix=/usr >/dev/null; }

run: all
	@script/run

test:
	@script/test

bench-watch: all
	@script/bootstrap bench
	@bench/watch.py

bench: all
	@script/bootstrap bench
	@bench/run

bench-gateway: all
	@script/bootstrap bench
	@bench/gateway.py

bench-baselines: all
	@VEDETTE_BIN=$(BUILD)/src/cmd/vedette bench/baselines.py

test-faults: all
	@script/bootstrap test
	@test/system/faults

test-durability: all
	@script/bootstrap test
	@RELAY_KILLS=$${RELAY_KILLS:-300} VEDETTE_BIN=$(BUILD)/src/cmd/vedette /usr/bin/python3 -m pytest -q -p no:cacheprovider \
		test/system/test_relay_durability.py

test-idle: all
	@script/bootstrap test
	@IDLE_CONNECTIONS=$${IDLE_CONNECTIONS:-10000} VEDETTE_BIN=$(BUILD)/src/cmd/vedette /usr/bin/python3 -m pytest -q -s \
		-p no:cacheprovider test/system/test_inbound.py -k idle

test-soak: all
	@script/bootstrap test
	@SOAK_MESSAGES=$${SOAK_MESSAGES:-1000000} VEDETTE_BIN=$(BUILD)/src/cmd/vedette /usr/bin/python3 -m pytest -q -p no:cacheprovider \
		test/system/test_relay_soak.py

test-path: all
	@script/bootstrap test
	@test/system/path-table

compare-path: all
	@script/bootstrap test
	@test/system/path-peers

fuzz:
	@script/fuzz

lint:
	@script/lint

format:
	@clang-format -i $$(git ls-files '*.c' '*.h')

install: all
	@ninja -C $(BUILD) --quiet vedette.yaml.5
	@meson install -C $(BUILD) --no-rebuild --quiet

clean:
	@rm -rf $(BUILD) build-*
