/* SPDX-License-Identifier: Apache-2.0
 *
 * Large tables of the page memories at both ends: address space is taken at start, the host's memory only where it is
 * touched. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* 'bytes' of zeros, or NULL.  'is_data': large and used from its begin on (huge pages are asked for). */
void *wire_memory_take(uint64_t bytes, int is_data);

/* Gives back what wire_memory_take gave; NULL is fine. */
void wire_memory_give(void *memory, uint64_t bytes);
