#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# libgodwit as others use it: installed somewhere, found by pkg-config, linked to a program that knows the public header
# alone; and only godwit_* names are visible.
. "$(dirname "$0")/lib.sh"

need_cmd cc pkg-config meson nm
meson install -C "$BUILD_DIR" --no-rebuild --destdir "$TMP/root" >/dev/null
pc=$(find "$TMP/root" -name godwit.pc)
[[ -n $pc ]] || fail "no godwit.pc is installed"
export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=

cat >"$TMP/use.c" <<'END'
#include <godwit/godwit.h>
#include <stdio.h>

int main(void)
{
    const GodwitRates rates[] = {{40960, 0}, {0, 40960}, {5120, 5120}, {2560, 7680}};
    GodwitClass classes[4];
    GError *error = NULL;

    if (!godwit_classify(rates, 4, classes, &error)) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    printf("%s: %s %s %s %s\n", godwit_version(), classes[0].name, classes[1].name, classes[2].name, classes[3].name);
    GodwitFleet *fleet = godwit_fleet_open("/nonexistent/inventory.ini", &error);
    if (fleet || error->domain != godwit_error_quark()) {
        return 1;
    }
    printf("%s\n", error->message);
    return 0;
}
END
# the prefix in godwit.pc is where it will be installed, not where this test has put it
prefix=$(pkg-config --variable=prefix godwit)
flags=$(pkg-config --cflags godwit glib-2.0 | sed "s|-I$prefix/include|-I$TMP/root$prefix/include|g")
library=$(dirname "$(find "$TMP/root" -name libgodwit.so)")
libs=$(pkg-config --libs glib-2.0)
# shellcheck disable=SC2086 # flags are words
cc -Wall -Werror "$TMP/use.c" -o "$TMP/use" $flags -L"$library" -lgodwit $libs
out=$(LD_LIBRARY_PATH=$library "$TMP/use")
assert_match "$out" '^0\.[0-9]+\.[0-9]+: read write mixed write' "classes"
assert_match "$out" 'inventory /nonexistent/inventory.ini' "the error"

alien=$(nm -D --defined-only "$library/libgodwit.so" | awk '{ print $3 }' | grep -vE '^godwit_' || true)
[[ -z $alien ]] || fail "visible names that are not godwit_*: $alien"
