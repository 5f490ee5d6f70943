/* SPDX-License-Identifier: Apache-2.0
 *
 * GangStore: pages that are known to all relays of one gang of one owner, on one host.
 *
 * VMs of one image have most of their first pages in common.  What the relay of one VM has sent, the relays of the
 * others then only name by a number.  Between one source host and one destination host there is one store at each end,
 * a file in a directory of the owner's (best on tmpfs):
 *
 *     source        gang-source.pages         a table: keyed 128-bit hash of a content -> id; no contents
 *     destination   gang-destination.pages    contents by id
 *
 *     source:       find -> id, said as SHARED                     or nothing: reserve an id, say SHARE; when the
 *     destination:                                                 destination has confirmed that frame: publish
 *
 * Both are append-only and full when they are full.  No lock is ever held: a place is claimed by one atomic exchange,
 * filled, and then made valid by one atomic store; a relay that dies in between leaves a place that nobody will ever
 * use, and harms nobody.  An id holds the number of its source's file, drawn when that was made: when a directory was
 * lost at one end, the ids of the other are unknown (an error), never another page.
 *
 * What it tells one VM about another: a guest that can time its own migration, or count its bytes, may learn that
 * another VM of the gang has a page with a content that it guessed.  So it is off by default, and meant for VMs of one
 * owner.
 *
 * Plain functions of a mapped file; any thread, any process of the owner. */
#pragma once

#include <stdint.h>

#define GANG_STORE_HASH_BYTES 16
#define GANG_STORE_KEY_BYTES  16
#define GANG_STORE_SOURCE      "gang-source.pages" /* in the gang's directory */
#define GANG_STORE_DESTINATION "gang-destination.pages"
#define GANG_STORE_NONE       0 /* no id */

typedef enum GangSide { GANG_SOURCE = 1, GANG_DESTINATION = 2 } GangSide;

typedef struct GangStore GangStore;

/* Opens the store of this side in 'directory', or makes it, with room for as many pages as fit into 'bytes_max' at the
 * destination (the same number at both ends).  All its memory is taken when it is made.  0; -EPERM: directory or file
 * are not ours alone (others may write the directory, or read the file); -EINVAL: the file was made for other pages or
 * another size; -ENOSPC, -ENOENT, -EACCES ... */
int gang_store_open(GangStore **store, const char *directory, GangSide side, uint32_t page_bytes, uint64_t bytes_max);

/* NULL is fine; the file stays, for the others. */
void gang_store_close(GangStore *store);

/* Pages that it can hold. */
uint64_t gang_store_pages(const GangStore *store);

/* Source.  The key of the hashes, the same for all relays; it never leaves this host. */
const uint8_t *gang_store_key(const GangStore *store);

/* The published id of the content with this hash, or GANG_STORE_NONE. */
uint64_t gang_store_find(const GangStore *store, const uint8_t hash[GANG_STORE_HASH_BYTES]);

/* A new id, GANG_STORE_NONE when the store is full. */
uint64_t gang_store_reserve(GangStore *store);

/* The destination has the content now. */
void gang_store_publish(GangStore *store, const uint8_t hash[GANG_STORE_HASH_BYTES], uint64_t id);

/* Destination.  Keeps content [page_bytes] as 'id'.  0, or -EPROTO: no such id can be, or it is there already. */
int gang_store_put(GangStore *store, uint64_t id, const uint8_t *content);

/* Copies the content to 'out' [page_bytes].  0, or -EPROTO: nobody put it. */
int gang_store_get(const GangStore *store, uint64_t id, uint8_t *out);
