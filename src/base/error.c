/* SPDX-License-Identifier: Apache-2.0
 *
 * The error domain; see error.h. */
#include "base/error.h"
#include "godwit/godwit.h" /* makes godwit_error_quark visible outside the library */

G_DEFINE_QUARK(godwit-error-quark, godwit_error)

int godwit_error_exit_status(const GError *error)
{
    if (!error) {
        return 0;
    }
    return g_error_matches(error, GODWIT_ERROR, GODWIT_ERROR_USAGE) ? 2 : 1;
}
