/* SPDX-License-Identifier: Apache-2.0
 *
 * One error domain for all of Godwit.
 *
 * A message is made once, where the noun is known (which VM, which host, which file), gains a prefix per layer
 * (g_prefix_error) and is printed once, at the top.  It says what is wrong, where, and what to do about it. */
#pragma once

#include <glib.h>

#define GODWIT_ERROR (godwit_error_quark())

typedef enum GodwitError {
    GODWIT_ERROR_USAGE,       /* the command line is wrong: exit status 2 */
    GODWIT_ERROR_INPUT,       /* a file, plan, inventory or message is wrong */
    GODWIT_ERROR_UNREACHABLE, /* a host, agent or libvirtd does not answer */
    GODWIT_ERROR_UNSUPPORTED, /* this QEMU, libvirt or kernel cannot do it */
    GODWIT_ERROR_REFUSED,     /* pre-checks or a limit said no; nothing was touched */
    GODWIT_ERROR_NOT_FOUND,   /* no such VM, host, file */
    GODWIT_ERROR_FAILED,      /* it was tried and did not work */
    GODWIT_ERROR_TIMEOUT,
    GODWIT_ERROR_CANCELLED,   /* the operator's word */
    GODWIT_ERROR_PROTOCOL,    /* the other side talks garbage or another version */
    GODWIT_ERROR_LOST,        /* a connection ended in the middle of the work */
} GodwitError;

GQuark godwit_error_quark(void);

/* The exit status that 'error' asks for: 2 for usage, 1 for everything else, 0 for NULL. */
int godwit_error_exit_status(const GError *error);
