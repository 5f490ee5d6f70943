#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Every fuzz target of the wire room for FUZZ_SECONDS (600), from what tests/corpus/fuzz-NAME has.  What is new goes to
# build/fuzz/NAME, findings to build/fuzz/found-NAME-*, and a finding fails the test; FUZZ_TARGETS="fuzz-frame ..." runs some.
. "$(dirname "$0")/../system/lib.sh"

need_cmd clang
echo 'int LLVMFuzzerTestOneInput(const char *bytes, unsigned long length) { return bytes && length ? 0 : 0; }' >"$TMP/try.c"
clang -fsanitize=fuzzer "$TMP/try.c" -o "$TMP/try" 2>/dev/null || skip "clang has no libFuzzer here (libclang-rt-dev)"

out=$BUILD_DIR/fuzz
read -ra targets <<<"${FUZZ_TARGETS:-fuzz-dst-decode fuzz-encode fuzz-frame fuzz-src-parse}"
"$SOURCE_DIR/tests/fuzz/build-fuzzers" "$out/bin" "${targets[@]}"

found=()
for target in "${targets[@]}"; do
    mkdir -p "$out/$target"
    if "$out/bin/$target" -max_total_time="${FUZZ_SECONDS:-600}" -max_len=16000 -timeout=30 -rss_limit_mb=4000 \
        -use_value_profile=1 -print_final_stats=1 -artifact_prefix="$out/found-$target-" "$out/$target" \
        "$SOURCE_DIR/tests/corpus/$target" >"$out/$target.log" 2>&1; then
        echo "$target: $(grep -o 'Done [0-9]* runs in [0-9]* second' "$out/$target.log")s, nothing found"
    else
        found+=("$target")
        echo "$target: found something; see $out/$target.log and $out/found-$target-*"
    fi
done
((${#found[@]} == 0)) || fail "findings in ${found[*]}"
