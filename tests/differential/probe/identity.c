/* Who the program is and what it may do: ids, capabilities, keyrings. */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/capability.h and linux/keyctl.h, which musl does not bring along. */
struct capability_header {
	uint32_t version;
	int pid;
};
struct capability_data {
	uint32_t effective;
	uint32_t permitted;
	uint32_t inheritable;
};

enum {
	CAPABILITY_VERSION_3 = 0x20080522,
	KEYCTL_GET_KEYRING_ID = 0,
	KEYCTL_DESCRIBE = 6,
	KEY_SPEC_SESSION_KEYRING = -3,
	MAX_GROUPS = 65536,
};

static void ids(struct json *json, const char *key, unsigned int real, unsigned int effective,
		unsigned int saved, int fs)
{
	json_key(json, key);
	json_begin(json, '[');
	json_number(json, real);
	json_number(json, effective);
	json_number(json, saved);
	json_number(json, (unsigned int)fs);
	json_end(json, ']');
}

static void groups(struct json *json)
{
	static gid_t found[MAX_GROUPS];
	const int count = getgroups(MAX_GROUPS, found);

	json_key(json, "groups");
	json_begin(json, '[');
	for (int i = 0; i < count; i++)
		json_number(json, found[i]);
	json_end(json, ']');
}

static void hex(struct json *json, const char *key, unsigned long long value)
{
	json_key(json, key);
	json_hex(json, value);
}

static unsigned long long pair(uint32_t low, uint32_t high)
{
	return (unsigned long long)high << 32 | low;
}

static unsigned long long one_by_one(int option, unsigned long argument, int shift_argument)
{
	unsigned long long set = 0;

	for (unsigned long cap = 0; cap < 64; cap++) {
		const int has = shift_argument ? prctl(option, argument, cap, 0, 0)
					       : prctl(option, cap, 0, 0, 0);

		if (has == 1)
			set |= 1ULL << cap;
	}
	return set;
}

static void capabilities(struct json *json)
{
	struct capability_header header = { .version = CAPABILITY_VERSION_3 };
	struct capability_data data[2] = { 0 };

	json_key(json, "capabilities");
	json_begin(json, '{');
	json_key_result(json, "capget", syscall(SYS_capget, &header, data));
	hex(json, "effective", pair(data[0].effective, data[1].effective));
	hex(json, "permitted", pair(data[0].permitted, data[1].permitted));
	hex(json, "inheritable", pair(data[0].inheritable, data[1].inheritable));
	hex(json, "bounding", one_by_one(PR_CAPBSET_READ, 0, 0));
	hex(json, "ambient", one_by_one(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 1));
	json_end(json, '}');
}

static void keyring(struct json *json)
{
	char description[256] = "";

	json_key(json, "session keyring");
	if (syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, description,
		    sizeof description - 1) < 0)
		json_errno(json);
	else
		json_text(json, description);
	const long id = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);

	json_key(json, "session keyring id");
	json_result(json, id);
}

void report_identity(struct json *json)
{
	uid_t ruid = 0, euid = 0, suid = 0;
	gid_t rgid = 0, egid = 0, sgid = 0;

	json_begin(json, '{');
	getresuid(&ruid, &euid, &suid);
	getresgid(&rgid, &egid, &sgid);
	ids(json, "uid", ruid, euid, suid, setfsuid((uid_t)-1));
	ids(json, "gid", rgid, egid, sgid, setfsgid((gid_t)-1));
	groups(json);
	capabilities(json);
	json_key_result(json, "securebits", prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
	json_key_result(json, "keepcaps", prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0));
	json_key_result(json, "no new privileges", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	json_key_result(json, "dumpable", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
	keyring(json);
	json_end(json, '}');
}
