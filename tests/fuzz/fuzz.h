/* SPDX-License-Identifier: Apache-2.0
 *
 * What the fuzz targets of the wire room share.  A target is one file with FUZZ_TARGET: libFuzzer feeds it for hours
 * (tests/long/fuzz.sh), and fuzz-replay.c feeds it the kept inputs of tests/corpus/fuzz-NAME in every `make check`.
 *
 * A property that does not hold ends the program: FUZZ_CHECK says which. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer's entry; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);
#define FUZZ_TARGET int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)

#define FUZZ_CHECK(condition)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);                              \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* What is left of an input.  Reading beyond its end gives zeros. */
typedef struct FuzzInput {
    const uint8_t *at, *end;
} FuzzInput;

static inline size_t fuzz_left(const FuzzInput *input)
{
    return (size_t)(input->end - input->at);
}

static inline uint8_t fuzz_byte(FuzzInput *input)
{
    return input->at < input->end ? *input->at++ : 0;
}

/* The next 'length' bytes at most, *given of them. */
static inline const uint8_t *fuzz_bytes(FuzzInput *input, size_t length, size_t *given)
{
    const uint8_t *bytes = input->at;

    *given = length < fuzz_left(input) ? length : fuzz_left(input);
    input->at += *given;
    return bytes;
}

/* A copy of 'length' bytes that ends where its memory ends, so that reading beyond it is noticed.  The caller frees it.
 */
static inline uint8_t *fuzz_copy(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = malloc(length > 0 ? length : 1);

    FUZZ_CHECK(copy != NULL);
    if (length > 0) {
        memcpy(copy, bytes, length);
    }
    return copy;
}

/* A small sequence of numbers that only depends on where it began (xorshift). */
static inline uint32_t fuzz_next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}
