/* SPDX-License-Identifier: Apache-2.0
 *
 * The Driver of a simulated data centre: what migrates on real hosts migrates here, told by the same calls and events.
 *
 *     Driver *driver = driver_sim_new(world);
 *     driver_sim_fail_call(driver, 7, GODWIT_ERROR_FAILED);     the seventh call fails, without any effect in the world
 *     ...
 *     driver->close(driver);                                    before world_free
 *
 * Each call is on its way for WorldRules.answer_ns, or silence_ns to a host that does not answer; then it has its
 * effect and is answered.  Migrations are peer-to-peer: they go on at the hosts when nobody watches.  Disks are not
 * simulated: a shared one is seen by every host, a local one is copied in no time. */
#pragma once

#include "base/error.h"
#include "migrate/driver.h"
#include "sim/world.h"

/* 'world' is borrowed for the driver's life. */
Driver *driver_sim_new(World *world);

/* A call is a call of a member of the table that starts something; the first is 1.  0: none fails. */
void driver_sim_fail_call(Driver *driver, guint number, GodwitError code);
guint driver_sim_calls(const Driver *driver);
