#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# docs/wire-format.md is the truth: a reader written from that page alone makes QEMU's stream again of what the parser, the encoder and
# the codecs say about it, byte by byte, and refuses what the page forbids.
. "$(dirname "$0")/lib.sh"

need_cmd zstd
[[ -x /usr/bin/python3 ]] || skip "no /usr/bin/python3"
/usr/bin/python3 -c 'import lz4.block, xxhash, zstandard' 2>"$TMP/err" || skip "$(tail -n 1 "$TMP/err")"

wire=$SOURCE_DIR/tests/wire
streams=$SOURCE_DIR/tests/corpus/wire-streams

# same STREAM OPTION...: what record-frames says of STREAM is STREAM again
same() {
    local stream=$1
    shift
    "$BUILD_DIR/tests/wire/record-frames" "$@" <"$stream" >"$TMP/frames"
    "$wire/read-frames" --count "$TMP/frames" >"$TMP/again" 2>>"$TMP/counts"
    cmp "$stream" "$TMP/again" || fail "another stream came out: $(basename "$stream") $*"
}

golden() { # NAME OPTION...
    local name=$1
    shift
    zstd -dqc "$streams/$name.zst" >"$TMP/stream"
    same "$TMP/stream" "$@"
}

golden qemu7.2-xbzrle --capabilities xbzrle --codec zstd-1
golden qemu10.0-pc --codec lz4
golden qemu10.0-dimm --codec zstd-3 --hashes
golden qemu10.0-postcopy --capabilities postcopy-ram --codec zstd-1 --frame 4
golden qemu10.0-pages-8k --page-size 8192
golden qemu11.1-dirty-bitmaps --capabilities dirty-bitmaps --filters 0
golden qemu11.1-multifd.1 --capabilities multifd --codec zstd-6

"$wire/make-stream" >"$TMP/made"
same "$TMP/made" --ram 2 --codec zstd-9
same "$TMP/made" --ram 2 --memory 3 --frame 8 --codec lz4 # too little for all pages
same "$TMP/made" --ram 2 --memory 1 --codec zstd-1 # too little for any dictionary
same "$TMP/made" --ram 2 --hashes
"$wire/make-stream" --seed 2 --page-size 65536 >"$TMP/made"
same "$TMP/made" --ram 24 --page-size 65536 --codec lz4

# Every kind but those of the gang's store, which needs two guests, was among them.
for kind in LITERAL BLOCK RAW SEGMENTS WORDS SAME DUPLICATE ZERO ZERO_RUN FORGET; do
    grep -qE "^$kind [1-9]" "$TMP/counts" || fail "no recording has $kind"
done

"$wire/try-frames" rules
zstd -dqc "$streams/qemu10.0-postcopy.zst" >"$TMP/stream"
"$BUILD_DIR/tests/wire/record-frames" --codec zstd-1 --frame 4 <"$TMP/stream" >"$TMP/frames"
"$wire/try-frames" damage "$TMP/frames"
