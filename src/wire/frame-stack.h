/* SPDX-License-Identifier: Apache-2.0
 *
 * FrameStack: the frames of one channel that nobody uses now; all of them are taken at start.  The one that was used last is given first,
 * so that only as many are ever touched as are really on the way; the first few are ready.  Any thread. */
#pragma once

#include "wire/frame.h"
#include "wire/wire-memory.h"

typedef struct FrameStack FrameStack;

/* 'memory' may be NULL.  0, -EINVAL or -ENOMEM. */
int frame_stack_new(FrameStack **stack, unsigned length, WireMemory *memory);

/* All frames must be back.  NULL is fine. */
void frame_stack_free(FrameStack *stack);

/* Waits for one.  NULL: cancelled. */
WireFrame *frame_stack_take(FrameStack *stack);
void frame_stack_give(FrameStack *stack, WireFrame *frame);

/* Nobody waits any more. */
void frame_stack_cancel(FrameStack *stack);
