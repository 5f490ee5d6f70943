/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames that go round; see frame-stack.h. */
#include "wire/frame-stack.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#define READY_BYTES (16u << 20) /* of the reserve: about what is on the way over a local link */

struct FrameStack {
    pthread_mutex_t lock;
    pthread_cond_t given;
    bool cancelled;
    unsigned unused_length;
    WireFrame **unused; /* [length] */
    WireFrame *all;     /* [length] */
    WireArena buffers;  /* of all of them */
};

int frame_stack_new(FrameStack **stack, unsigned length, WireMemory *memory)
{
    FrameStack *made = calloc(1, sizeof(*made));

    *stack = NULL;
    if (!made || length == 0) {
        free(made);
        return length == 0 ? -EINVAL : -ENOMEM;
    }
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->given, NULL);
    made->unused = calloc(length, sizeof(*made->unused));
    made->all = calloc(length, sizeof(*made->all));
    int status = made->unused && made->all ? 0 : -ENOMEM;

    if (status == 0) {
        status = wire_arena_take(&made->buffers, memory, (uint64_t)length * WIRE_FRAME_BUFFERS_BYTES, READY_BYTES);
    }
    if (status != 0) {
        frame_stack_free(made);
        return status;
    }
    wire_arena_spare(&made->buffers); /* of most buffers only a part is ever used */
    for (unsigned i = 0; i < length; i++) { /* the first one is to be given first */
        wire_frame_place(&made->all[i], made->buffers.bytes + (uint64_t)i * WIRE_FRAME_BUFFERS_BYTES);
        made->unused[length - 1 - i] = &made->all[i];
    }
    made->unused_length = length;
    *stack = made;
    return 0;
}

void frame_stack_free(FrameStack *stack)
{
    if (!stack) {
        return;
    }
    wire_arena_give(&stack->buffers);
    free(stack->all);
    free(stack->unused);
    pthread_cond_destroy(&stack->given);
    pthread_mutex_destroy(&stack->lock);
    free(stack);
}

WireFrame *frame_stack_take(FrameStack *stack)
{
    WireFrame *frame = NULL;

    pthread_mutex_lock(&stack->lock);
    while (!stack->cancelled && stack->unused_length == 0) {
        pthread_cond_wait(&stack->given, &stack->lock);
    }
    if (!stack->cancelled) {
        frame = stack->unused[--stack->unused_length];
    }
    pthread_mutex_unlock(&stack->lock);
    return frame;
}

void frame_stack_give(FrameStack *stack, WireFrame *frame)
{
    pthread_mutex_lock(&stack->lock);
    stack->unused[stack->unused_length++] = frame;
    pthread_cond_signal(&stack->given);
    pthread_mutex_unlock(&stack->lock);
}

void frame_stack_cancel(FrameStack *stack)
{
    pthread_mutex_lock(&stack->lock);
    stack->cancelled = true;
    pthread_cond_broadcast(&stack->given);
    pthread_mutex_unlock(&stack->lock);
}
