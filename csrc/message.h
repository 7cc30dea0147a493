/* What the container's side says to the runtime, over the control socket and the exec fifo. */
#ifndef PYRUNC_MESSAGE_H
#define PYRUNC_MESSAGE_H

#include <stdint.h>

#include "child.h"

enum message_kind {
	MESSAGE_REACHED = 1,
	MESSAGE_CHILD = 2,
	MESSAGE_FAILED = 3,
	MESSAGE_WANT = 4,
	MESSAGE_MASTER = 5,
	MESSAGE_LISTENER = 6, /* value: its number in the child */
};

/* runtime/lifecycle/report.py reads this: keep both together. */
struct message {
	uint32_t kind;
	uint32_t value; /* barrier or pid */
	uint32_t op;
	int32_t err;
	char call[24];
	char detail[CHILD_DETAIL];
};

#endif
