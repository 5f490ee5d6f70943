#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The manual and the program say the same: every command has a page, every option of --help is on it and none besides,
# every member of the JSON schemas is on the page of its format, and the pages are clean.
. "$(dirname "$0")/lib.sh"

need_godwit
need_cmd mandoc jq

# The page called NAME: made by the build, or as it is in the checkout.
page() {
    local file

    for file in "$BUILD_DIR/docs/man/$1" "$SOURCE_DIR/docs/man/$1"; do
        if [[ -f $file ]]; then
            echo "$file"
            return
        fi
    done
    fail "there is no manual page $1"
}

commands() {
    "$GODWIT" --help | sed -n 's/^  \([a-z][a-z]*\)  *[a-z].*/\1/p' | grep -vx help
}

options_of_help() {
    # shellcheck disable=SC2086 # a command may be of two words
    "$GODWIT" $1 --help | sed -n 's/^  \(-[a-z], \)\{0,1\}\(--[a-z-]*\).*/\2/p' | sort -u
}

# The options that have a paragraph of their own on a page.
options_of_page() {
    sed -n 's/^\.It Fl \([a-z] , Fl \)\{0,1\}\\-\([^ ]*\).*/--\2/p' "$1" | sed 's/\\-/-/g' | sort -u
}

for command in $(commands); do
    file=$(page "godwit-$command.1")
    assert_match "$(cat "$(page godwit.1)")" "Xr godwit-$command 1" "godwit.1"
    [[ $command != agent ]] || continue # its page is about the protocol
    assert_eq "$(options_of_page "$file")" "$(options_of_help "$command")" "options on $file"
done

# members SCHEMA PAGE: each property that the schema names is an item of the page
members() {
    local member file

    file=$(page "$2")
    while read -r member; do
        grep -Eq "^\.It Ic (.* , )?$member( ,|\$)|^\.(Pq )?Ic (.* , )?$member( |\$)" "$file" || fail "$file lacks $member of docs/schema/$1.json"
    done < <(jq -r '[.. | objects | .properties? // empty | objects | keys[]] | unique[]' "$SOURCE_DIR/docs/schema/$1.json" | grep -vxE "$3")
}

members report godwit-report.5 'read|write|mixed'
members plan godwit-plan.5 'read|write|mixed|host|what|cure'

members simulate godwit-simulate.1 'none'
members relay godwit-relay.1 'none'
members way godwit-relay-choose.1 'none'
assert_eq "$(options_of_page "$(page godwit-relay-choose.1)")" "$(options_of_help "relay choose")" "options of relay choose"

pages=0
for file in "$SOURCE_DIR"/docs/man/*.[15] "$BUILD_DIR"/docs/man/*.[15]; do
    mandoc -Tlint -W warning "$file" >"$TMP/lint" || fail "$(cat "$TMP/lint")"
    for heading in NAME DESCRIPTION 'SEE ALSO' HISTORY; do
        grep -q "^\.S[hH] \"\{0,1\}$heading" "$file" || fail "$file has no section $heading"
    done
    grep -qi 'first appeared in' "$file" || fail "$file does not say when it first appeared"
    pages=$((pages + 1))
done
((pages >= 9)) || fail "only $pages pages were found"
