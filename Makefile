# SPDX-License-Identifier: Apache-2.0
# A thin front for meson and ninja; HACKING.md says what each target is for.

BUILD ?= build
RUNS ?= 10
WIRE ?=
MESON_FLAGS ?=
prefix ?= /usr/local

.PHONY: all packages check check-long bench bench-gbm bench-paper bench-wire demo install clean

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja: | packages
	meson setup $(BUILD) --prefix=$(prefix) $(MESON_FLAGS)

packages:
	@tools/install-packages

demo: packages all
	GODWIT_BUILD=$(abspath $(BUILD)) tools/demo

check: packages all
	GODWIT_BUILD=$(abspath $(BUILD)) tools/check

check-long: packages all
	GODWIT_BUILD=$(abspath $(BUILD)) tools/check --long

bench: packages all
	GODWIT_BUILD=$(abspath $(BUILD)) bench/run

bench-gbm: packages all
	GODWIT_BUILD=$(abspath $(BUILD)) bench/gbm/run

bench-paper: packages all
	GODWIT_BUILD=$(abspath $(BUILD)) bench/paper/run $(RUNS)

bench-wire: packages all
	GODWIT_BUILD=$(abspath $(BUILD)) bench/wire/run $(WIRE)

install: all
	meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf $(BUILD) $(BUILD)-asan
