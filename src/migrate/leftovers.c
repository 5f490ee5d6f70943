/* SPDX-License-Identifier: Apache-2.0
 *
 * Leftovers of failed migrations; see leftovers.h.  The driver checks once more by itself what it is about to touch
 * (driver.h: resume_vm, remove_incoming), since a host may have changed its mind between the question and the deed. */
#include "migrate/leftovers.h"

#include "base/log.h"

void leftovers_do(Driver *driver, const PlanStep *step, TruthStep deed, DriverDoneFunc done, gpointer user)
{
    switch (deed) {
    case TRUTH_REMOVE_INCOMING:
        log_info("VM %s: removing the copy at %s that waits in vain", step->vm, step->destination);
        driver->remove_incoming(driver, step->destination, step->uuid, done, user);
        break;
    case TRUTH_RESUME_SOURCE:
        log_info("VM %s: resuming it at %s, where its only copy stands still", step->vm, step->source);
        driver->resume_vm(driver, step->source, step->uuid, done, user);
        break;
    case TRUTH_RESUME_DESTINATION:
        log_info("VM %s: resuming it at %s, where its only copy stands still", step->vm, step->destination);
        driver->resume_vm(driver, step->destination, step->uuid, done, user);
        break;
    case TRUTH_SETTLED:
    case TRUTH_ASK_AGAIN:
        g_assert_not_reached();
    }
}
