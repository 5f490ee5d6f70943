/* SPDX-License-Identifier: Apache-2.0
 *
 * The names of a relay's states: see RELAY_STATES in relay.h. */
#include "wire/relay.h"

#define RELAY_STATE_NAME(member, name) name,

const char *relay_state_name(RelayState state)
{
    static const char *const names[] = {RELAY_STATES(RELAY_STATE_NAME)};

    return (unsigned)state < RELAY_STATES_LENGTH ? names[state] : "unknown";
}
