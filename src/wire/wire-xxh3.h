/* SPDX-License-Identifier: Apache-2.0
 *
 * XXH3 with the widest instructions that this processor has: xxHash's own dispatcher where there is one.  Include this
 * and not <xxhash.h>. */
#pragma once

#if defined(__x86_64__)
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif
