/* SPDX-License-Identifier: Apache-2.0
 *
 * Pages of text: what a compressor makes less of, as logs, pages of the web and program source in a real VM's memory.
 *
 * A pool of 1 MiB of words is made once.  A page is sixteen pieces of the pool, picked by (seed, page, version): as
 * quick to make as to copy, so that an emulated guest can keep to its rate, and with no second page alike.  Nearly all
 * redundancy is that of the words: two pieces within a compressor's window seldom overlap.  With the words below
 * LZ4 makes 1/2.3 of it and zstd -1 makes 1/3.8 (in frames of 192 KiB), about what they make of logs. */
#include "guest.h"
#include "content.h"

#include <string.h>

#define POOL_BYTES   (1u << 20)
#define PIECE_BYTES  256u
#define PIECES       (CONTENT_PAGE_BYTES / PIECE_BYTES)
#define WORDS        64u
#define FOLLOWERS    6u                 /* words that may come after a word: phrases recur */
#define WORD_MAX     16u                /* what one copy moves; longer words would be cut */

static const char words[WORDS][WORD_MAX] = {
    "the ", "of ", "and ", "to ", "in ", "is ", "that ", "it ", "for ", "was ", "on ", "with ", "as ", "at ", "by ",
    "from ",
    "memory ", "page ", "host ", "error ", "warning ", "request ", "server ", "client ", "session ", "opened ", "closed ",
    "connection ", "timeout ", "after ", "before ", "user ", "root ", "kernel ", "device ", "network ", "address ",
    "packet ", "received ", "sent ", "bytes ", "started ", "stopped ", "service ", "process ", "thread ", "value ",
    "number ", "table ", "index ", "update ", "delete ", "insert ", "select ", "where ", "order ", "group ", "return ",
    "static ", "const ", "struct ", "void ", "include ", "unsigned ",
};

static char pool[POOL_BYTES + WORD_MAX];
static bool pool_is_made;

/* A word that does not repeat: identifiers and numbers are what keeps real text from shrinking to nothing. */
static size_t number_write(char *out, uint64_t random)
{
    static const char digits[] = "0123456789abcdef";
    size_t length = 3 + random % 5;

    for (size_t i = 0; i < length; i++) {
        random >>= 4;
        out[i] = digits[random & 15];
    }
    out[length] = random & 16 ? '\n' : ' ';
    return length + 1;
}

static void pool_make(void)
{
    size_t used = 0, last = 0;

    for (uint64_t i = 0; used < POOL_BYTES; i++) {
        uint64_t random = content_mix(i);

        if (random % 8 == 0) {
            used += number_write(pool + used, random >> 8);
        } else {
            last = (last * 7 + 1 + (random >> 32) % FOLLOWERS) % WORDS;
            memcpy(pool + used, words[last], WORD_MAX);
            used += strnlen(words[last], WORD_MAX);
        }
    }
    pool_is_made = true;
}

void text_page(void *page_words, uint64_t seed, uint64_t page, uint64_t version)
{
    uint64_t random = content_base(seed ^ 0x7e87, page, version);
    char *out = page_words;

    if (!pool_is_made) {
        pool_make();
    }
    for (unsigned i = 0; i < PIECES; i++) {
        random = content_mix(random + CONTENT_STEP);
        memcpy(out + i * PIECE_BYTES, pool + random % (POOL_BYTES - PIECE_BYTES), PIECE_BYTES);
    }
}
