/* sources: fast_process.c */
/* The reader of process files: what engines write, and everything that is left to Python. */
#include "fast_process.h"

#include "check.h"

static struct process process;

/* A copy on the heap, so that a step past its end is seen. */
static bool reads_bytes(const char *text, size_t size)
{
	char *const copy = malloc(size + 1);

	need(copy != NULL, "malloc");
	memcpy(copy, text, size);
	copy[size] = '\0';
	const bool read = process_read(&process, copy, size);

	free(copy);
	return read;
}

static bool reads(const char *text)
{
	return reads_bytes(text, strlen(text));
}

static const char whole[] =
	" {\"terminal\":false,\"user\":{\"uid\":1000,\"gid\":7,\"umask\":18,\"additionalGids\":[1, 4294967294],"
	"\"username\":\"x\"},\"args\":[\"/bin/sh\",\"-c\",\"a\\n\\u003cb\\u003E\\\"\\\\\\/\"],\n\"env\":[\"A=1\",\"A=2\"],"
	"\"cwd\":\"/x\",\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_CHECKPOINT_RESTORE\"],\"ambient\":[]},"
	"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":18446744073709551615,\"soft\":1024}],"
	"\"noNewPrivileges\":true,\"oomScoreAdj\":-500,\"apparmorProfile\":\"\",\"selinuxLabel\":\"\"}\t\n";

static void check_whole(void)
{
	static char text[sizeof(whole)];

	memcpy(text, whole, sizeof(whole));
	CHECK(process_read(&process, text, sizeof(whole) - 1));
	CHECK(process.uid == 1000 && process.gid == 7 && process.has_umask && process.umask == 18);
	CHECK(process.group_count == 2 && process.groups[1] == 4294967294u);
	CHECK_TEXT(process.args[2], "a\n<b>\"\\/");
	CHECK(!process.args[3] && !process.env[2]);
	CHECK_TEXT(process.cwd, "/x");
	CHECK(process.has_caps && process.caps[CAP_BOUNDING] == (1ull | 1ull << 40));
	CHECK(process.caps[CAP_EFFECTIVE] == 0 && process.no_new_privs);
	CHECK(process.limit_count == 1 && process.limits[0].resource == 7 &&
	      process.limits[0].soft == 1024 && process.limits[0].hard == UINT64_MAX);
	CHECK(process.has_score && process.score == -500);
}

static void check_small(void)
{
	CHECK(reads("{\"args\":[\"x\"],\"cwd\":\"/\"}"));
	CHECK(!process.has_caps && !process.has_score && !process.has_umask && !process.limit_count);
	CHECK(reads("{\"cwd\":\"/\",\"args\":[\"x\"],\"user\":{},\"env\":[],\"rlimits\":[]}"));
}

static void check_left_to_python(void)
{
	static const char *const members[] = {
		"\"terminal\":true", "\"terminal\":0", "\"unknown\":1", "\"scheduler\":{}", "\"user\":null",
		"\"user\":{\"uid\":-1}", "\"user\":{\"uid\":4294967295}", "\"user\":{\"uid\":1.0}",
		"\"user\":{\"uid\":1e2}", "\"user\":{\"uid\":01}", "\"user\":{\"uid\":\"1\"}",
		"\"user\":{\"uid\":1,\"uid\":1}", "\"user\":{\"umask\":512}", "\"user\":{\"other\":1}",
		"\"user\":{\"uid\":99999999999999999999999}", "\"env\":[1]", "\"env\":[\"a\",]",
		"\"env\":[\"caf\xc3\xa9=1\"]", "\"env\":[\"\\u00e9=1\"]", "\"env\":[\"\\u0000\"]",
		"\"env\":[\"\\x\"]", "\"env\":[\"\\u00\"]", "\"env\":[\"a\nb\"]", "\"env\":[\"a\tb\"]", "\"env\":[\"",
		"\"env\":[", "\"env\"", "\"env\":", "\"capabilities\":{\"bounding\":[\"CAP_NONE\"]}",
		"\"capabilities\":{\"bounding\":[\"chown\"]}", "\"capabilities\":{\"other\":[]}",
		"\"capabilities\":[]", "\"rlimits\":[{\"soft\":1,\"hard\":1}]",
		"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":2,\"hard\":1}]",
		"\"rlimits\":[{\"type\":\"RLIMIT_NONE\",\"soft\":1,\"hard\":1}]",
		"\"rlimits\":[{\"type\":\"RLIMIT_CPU\"},{\"type\":\"RLIMIT_CPU\"}]",
		"\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":18446744073709551616}]",
		"\"apparmorProfile\":\"p\"", "\"selinuxLabel\":\"l\"", "\"noNewPrivileges\":null",
		"\"oomScoreAdj\":1001", "\"oomScoreAdj\":--1", "\"cwd\":\"/\"", "\"args\":[\"y\"]",
	};
	static const char *const texts[] = {
		"", "[]", "{", "{}", "{\"args\":[\"x\"]}", "{\"cwd\":\"/\"}", "{\"args\":[],\"cwd\":\"/\"}",
		"{\"args\":[\"\"],\"cwd\":\"/\"}", "{\"args\":[\"x\"],\"cwd\":\"x\"}",
		"{\"args\":[\"x\"],\"cwd\":\"/\"}}", "{\"args\":[\"x\"],\"cwd\":\"/\"} x",
		"{\"args\":[\"x\"],\"cwd\":\"/\",}", "{\"args\" [\"x\"],\"cwd\":\"/\"}",
	};
	char text[256];

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		snprintf(text, sizeof(text), "{\"args\":[\"x\"],\"cwd\":\"/\",%s}", members[i]);
		const bool taken = reads(text);

		CHECK(!taken);
		if (taken)
			fprintf(stderr, "  taken: %s\n", text);
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		CHECK(!reads(texts[i]));
	CHECK(!reads_bytes("{\"args\":[\"x\"],\"cwd\":\"/\"}\0 ", 27));
}

/* Cut anywhere, and with any byte in place of another, it is read or not, and nothing else. */
static void check_damaged(void)
{
	char text[sizeof(whole)];

	for (size_t size = 0; size < sizeof(whole) - 3; size++)
		CHECK(!reads_bytes(whole, size));
	for (size_t at = 0; at < sizeof(whole) - 1; at++) {
		for (int byte = 0; byte < 256; byte++) {
			memcpy(text, whole, sizeof(whole));
			text[at] = (char)byte;
			(void)reads_bytes(text, sizeof(whole) - 1);
		}
	}
}

static void check_many(void)
{
	static char text[16 * PROCESS_WORDS];
	char *end = stpcpy(text, "{\"cwd\":\"/\",\"args\":[\"x\"");

	for (int i = 1; i < PROCESS_WORDS; i++)
		end = stpcpy(end, ",\"x\"");
	strcpy(end, "]}");
	CHECK(reads(text));
	strcpy(end, ",\"x\"]}");
	CHECK(!reads(text));
}

static void check_env(void)
{
	process = (struct process){ .env = { "A=1", "B=2", "A=3", "AB=4", "B=" } };
	CHECK(process_settle_env(&process));
	CHECK_TEXT(process.env[0], "A=3");
	CHECK_TEXT(process.env[1], "AB=4");
	CHECK_TEXT(process.env[2], "B=");
	CHECK(!process.env[3]);
	CHECK(!process_settle_env(&(struct process){ .env = { "A" } }));
	CHECK(!process_settle_env(&(struct process){ .env = { "=1" } }));
	CHECK(!process_settle_env(&(struct process){ .env = { "" } }));
}

static void check_caps(void)
{
	CHECK(process_caps_fit(&(struct process){ .caps = { 1, 1, 1, 1, 1 } }, 1));
	CHECK(!process_caps_fit(&(struct process){ .caps = { 2 } }, 1));
	CHECK(!process_caps_fit(&(struct process){ .caps = { 1, 1, 0 } }, 1));
	CHECK(!process_caps_fit(&(struct process){ .caps = { 1, 1, 1, 0, 1 } }, 1));
}

int main(void)
{
	check_whole();
	check_small();
	check_left_to_python();
	check_damaged();
	check_many();
	check_env();
	check_caps();
	return check_status();
}
