/* sources: plan.c */
#include "plan.h"

#include "check.h"
#include "plans.h"

#define MUTATIONS 100000

/* One operation of every kind of string: s o l b and none. */
static char *good_plan(size_t *size)
{
	struct draft draft = { .slot_count = 3, .flags = PLAN_DUMPABLE_FOR_MAPS };
	struct plan_op *op = draft_op(&draft, OP_setns);

	op->number[0] = 2;
	op->number[1] = 0x20000000;
	op = draft_op(&draft, OP_mount);
	op->number[4] = UINT64_MAX;
	draft_string(&draft, op, 1, "/proc");
	draft_string(&draft, op, 2, "proc");
	draft_blob(&draft, op, 3, "hidepid=2\0ro", 13);
	op = draft_op(&draft, OP_user);
	draft_blob(&draft, op, 0, "\1\0\0\0\2\0\0\0", 8);
	op = draft_op(&draft, OP_hostname);
	draft_string(&draft, op, 0, "");
	op = draft_op(&draft, OP_exec);
	draft_blob(&draft, op, 0, "sh\0-c\0\0true", 12);
	draft_blob(&draft, op, 1, "", 0);
	return draft_bytes(&draft, size);
}

static struct plan_header *header_of(char *bytes)
{
	return (struct plan_header *)(void *)bytes;
}

static struct plan_op *ops_of(char *bytes)
{
	return (struct plan_op *)(void *)(bytes + sizeof(struct plan_header));
}

static void a_good_plan(void)
{
	size_t size;
	struct plan plan;
	const char *why = "";
	char *bytes = good_plan(&size), last[] = "last";

	CHECK(plan_decode(&plan, bytes, size, &why) == 0 && why == NULL);
	CHECK(plan.count == 5 && plan.header->slot_count == 3);
	CHECK(plan.header->flags == PLAN_DUMPABLE_FOR_MAPS);
	const struct plan_op *op = plan.ops;

	CHECK(op->code == OP_setns && op->number[0] == 2 && op->number[1] == 0x20000000);
	CHECK(plan_string(&plan, op, 0) == NULL && plan_length(&plan, op, 0) == 0);
	CHECK(plan_next(&plan, op, 0, NULL) == NULL);
	op++;
	CHECK(plan_string(&plan, op, 0) == NULL);
	CHECK_TEXT(plan_string(&plan, op, 1), "/proc");
	CHECK_TEXT(plan_string(&plan, op, 2), "proc");
	CHECK(op->number[0] == 0 && op->number[4] == UINT64_MAX);
	const char *option = plan_next(&plan, op, 3, NULL);

	CHECK_TEXT(option, "hidepid=2");
	option = plan_next(&plan, op, 3, option);
	CHECK_TEXT(option, "ro");
	CHECK(plan_next(&plan, op, 3, option) == NULL);
	op++;
	CHECK(plan_length(&plan, op, 0) == 8 &&
	      memcmp(plan_string(&plan, op, 0), "\1\0\0\0\2\0\0\0", 9) == 0);
	op++;
	CHECK_TEXT(plan_string(&plan, op, 0), "");
	op++;
	char **argv = plan_pointers(&plan, op, 0, NULL), **envp = plan_pointers(&plan, op, 1, NULL);
	char **more = plan_pointers(&plan, op, 0, last);

	CHECK_TEXT(argv[0], "sh");
	CHECK_TEXT(argv[1], "-c");
	CHECK_TEXT(argv[2], "");
	CHECK_TEXT(argv[3], "true");
	CHECK(argv[4] == NULL);
	CHECK(envp[0] == NULL);
	CHECK_TEXT(more[3], "true");
	CHECK(more[4] == last && more[5] == NULL);
	free(argv);
	free(envp);
	free(more);
	free(bytes);
}

static void an_empty_plan(void)
{
	struct draft draft = { 0 };
	size_t size;
	struct plan plan;
	const char *why;
	char *bytes = draft_bytes(&draft, &size);

	CHECK(plan_decode(&plan, bytes, size, &why) == 0 && plan.count == 0);
	free(bytes);
}

/* Decoding a copy of exactly `size` bytes is refused for this reason. */
static void check_refused(const char *bytes, size_t size, const char *reason, int line)
{
	struct plan plan;
	const char *why = NULL;
	char *copy = malloc(size ? size : 1);

	memcpy(copy, bytes, size);
	errno = 0;
	if (plan_decode(&plan, copy, size, &why) != -1 || errno != EPROTO || !why ||
	    strcmp(why, reason) != 0) {
		check_failures++;
		fprintf(stderr, "line %d: said \"%s\", errno %d, not \"%s\"\n", line,
			why ? why : "(null)", errno, reason);
	}
	free(copy);
}

/* Do `damage` to a good plan: it is refused for this reason. */
#define CHECK_DAMAGE(reason, ...)                                               \
	do {                                                                    \
		size_t size;                                                    \
		char *bytes = good_plan(&size);                                 \
		struct plan_header *header = header_of(bytes);                  \
		struct plan_op *ops = ops_of(bytes);                            \
		(void)header;                                                   \
		(void)ops;                                                      \
		__VA_ARGS__;                                                    \
		check_refused(bytes, size, reason, __LINE__);                   \
		free(bytes);                                                    \
	} while (0)

/* The length word of a string. */
#define LENGTH(op, slot) (*(uint32_t *)(void *)(bytes + (op).blob[slot]))
#define TEXT(op, slot) (bytes + (op).blob[slot] + 4)

static void damaged_headers(void)
{
	CHECK_DAMAGE("the plan is cut short", size = 0);
	CHECK_DAMAGE("the plan is cut short", size = sizeof(*header) - 1);
	CHECK_DAMAGE("this is no plan", header->magic = 0);
	CHECK_DAMAGE("this is no plan", header->magic = __builtin_bswap32(PLAN_MAGIC));
	CHECK_DAMAGE("the plan is of another version", header->version = 0);
	CHECK_DAMAGE("the plan is of another version", header->version++);
	CHECK_DAMAGE("the plan's size is wrong", size--);
	CHECK_DAMAGE("the plan's size is wrong", size = sizeof(*header));
	CHECK_DAMAGE("the plan's size is wrong", header->size--);
	CHECK_DAMAGE("the plan's size is wrong", header->size++);
	CHECK_DAMAGE("the plan's size is wrong", header->size = UINT32_MAX);
	CHECK_DAMAGE("the plan's size is wrong", header->blobs = header->size + 1);
	CHECK_DAMAGE("the plan's size is wrong", header->blobs = UINT32_MAX);
	CHECK_DAMAGE("the plan's size is wrong", header->blobs = sizeof(*header) - 1);
	CHECK_DAMAGE("the plan's size is wrong", header->blobs = 0);
	CHECK_DAMAGE("the plan's size is wrong", header->blobs--);
	CHECK_DAMAGE("the plan's size is wrong", header->op_count++);
	CHECK_DAMAGE("the plan's size is wrong", header->op_count = UINT32_MAX);
	CHECK_DAMAGE("the plan's size is wrong", header->op_count = 0x04000005); /* * 64 wraps */
}

static void damaged_operations(void)
{
	CHECK_DAMAGE("unknown operation", ops[0].code = 0);
	CHECK_DAMAGE("unknown operation", ops[0].code = 12); /* a number that is free again */
	CHECK_DAMAGE("unknown operation", ops[4].code = OP_exec + 1000);
	CHECK_DAMAGE("unknown operation", ops[0].code = UINT32_MAX);
	CHECK_DAMAGE("an operation lacks a string", ops[1].blob[1] = 0);
	CHECK_DAMAGE("an operation lacks a string", ops[2].blob[0] = 0);
	CHECK_DAMAGE("an operation lacks a string", ops[3].blob[0] = 0);
	CHECK_DAMAGE("a string is not what its operation takes", ops[0].blob[0] = ops[1].blob[1]);
	CHECK_DAMAGE("a string is not what its operation takes", ops[4].blob[2] = ops[4].blob[1]);
	CHECK_DAMAGE("a string is not what its operation takes", ops[0].code = OP_exec,
		     ops[0].blob[0] = ops[1].blob[2]); /* a string is no list */
	CHECK_DAMAGE("a string is not what its operation takes", ops[3].blob[0] = ops[4].blob[0]);
}

static void damaged_strings(void)
{
	const char *outside = "a string lies outside the plan";
	const char *not_that = "a string is not what its operation takes";

	CHECK_DAMAGE(outside, ops[3].blob[0] = 1);
	CHECK_DAMAGE(outside, ops[3].blob[0] = sizeof(*header)); /* would be an operation */
	CHECK_DAMAGE(outside, ops[3].blob[0] = header->blobs - 4);
	CHECK_DAMAGE(outside, ops[3].blob[0] += 1);
	CHECK_DAMAGE(outside, ops[3].blob[0] += 2);
	CHECK_DAMAGE(outside, ops[3].blob[0] = header->size);
	CHECK_DAMAGE(outside, ops[3].blob[0] = header->size - 4);
	CHECK_DAMAGE(outside, ops[3].blob[0] = header->size + 4);
	CHECK_DAMAGE(outside, ops[3].blob[0] = UINT32_MAX);
	CHECK_DAMAGE(outside, ops[3].blob[0] = UINT32_MAX - 3);
	CHECK_DAMAGE(outside, LENGTH(ops[1], 1) = UINT32_MAX);
	CHECK_DAMAGE(outside, LENGTH(ops[1], 1) = UINT32_MAX - 4);
	CHECK_DAMAGE(outside, LENGTH(ops[4], 1) = 4); /* its NUL would be behind the end */
	CHECK_DAMAGE(outside, LENGTH(ops[1], 1)--);   /* no NUL behind it */
	CHECK_DAMAGE(outside, TEXT(ops[1], 1)[5] = 'x');
	CHECK_DAMAGE(not_that, TEXT(ops[1], 1)[2] = '\0');
	CHECK_DAMAGE(not_that, TEXT(ops[1], 1)[0] = '\0');
	CHECK_DAMAGE(not_that, TEXT(ops[1], 3)[12] = 'x'); /* the last option without end */
}

/* All that an executor may read of a plan that was let through. */
static size_t read_all(const struct plan *plan)
{
	size_t sum = 0;

	for (uint32_t i = 0; i < plan->count; i++) {
		const struct plan_op *op = &plan->ops[i];

		for (int slot = 0; slot < 4; slot++) {
			const char *text = plan_string(plan, op, slot);
			const uint32_t length = plan_length(plan, op, slot);

			for (uint32_t at = 0; text && at <= length; at++)
				sum += (unsigned char)text[at];
			/* Only slots that hold one are walked as a list. */
			if (op->code != OP_exec || slot > 1)
				continue;
			for (const char *s = NULL; (s = plan_next(plan, op, slot, s));)
				sum += strlen(s);
			char **list = plan_pointers(plan, op, slot, NULL);

			for (char **item = list; *item; item++)
				sum += strlen(*item);
			free(list);
		}
	}
	return sum;
}

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Words that break arithmetic more often than random ones do. */
static uint32_t nasty_word(uint32_t *state, uint32_t size)
{
	const uint32_t words[] = {
		0, 1, 4, 31, 32, 64, size - 5, size - 4, size - 1, size, size + 1, 0x7fffffff,
		0x80000000, UINT32_MAX - 4, UINT32_MAX - 3, UINT32_MAX, next_random(state) % 512,
	};

	return words[next_random(state) % (sizeof(words) / sizeof(words[0]))];
}

/* Always the same mutations: a failure can be run again. */
static void mutations(void)
{
	uint32_t state = 2463534242u;
	size_t size, sum = 0;
	unsigned int taken = 0;
	char *good = good_plan(&size);
	char *bytes = malloc(size);

	for (int round = 0; round < MUTATIONS; round++) {
		struct plan plan;
		const char *why = NULL;
		const uint32_t changes = 1 + next_random(&state) % 3;

		memcpy(bytes, good, size);
		for (uint32_t i = 0; i < changes; i++) {
			const uint32_t at = next_random(&state) % (uint32_t)size;
			const uint32_t word = nasty_word(&state, (uint32_t)size);

			if (next_random(&state) % 2)
				memcpy(bytes + at / 4 * 4, &word, sizeof(word));
			else
				bytes[at] = (char)next_random(&state);
		}
		if (plan_decode(&plan, bytes, size, &why) == 0) {
			sum += read_all(&plan);
			taken++;
		} else {
			CHECK(why && errno == EPROTO);
		}
	}
	/* Both ways were taken: many a number or letter may change without harm. */
	CHECK(taken > MUTATIONS / 100 && taken < MUTATIONS / 2 && sum > 0);
	free(bytes);
	free(good);
}

int main(void)
{
	a_good_plan();
	an_empty_plan();
	damaged_headers();
	damaged_operations();
	damaged_strings();
	mutations();
	return check_status();
}
