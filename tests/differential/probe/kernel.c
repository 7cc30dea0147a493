/* Namespaces and what they isolate: names, sysctls, network interfaces; files of procfs. */
#define _GNU_SOURCE
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

static const char *const namespaces[] = {
	"cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children",
	"user", "uts",
};

static const char *const sysctls[] = {
	"fs/mqueue/msg_max", "fs/mqueue/queues_max", "kernel/domainname", "kernel/hostname",
	"kernel/msgmax", "kernel/msgmnb", "kernel/sem", "kernel/shm_rmid_forced",
	"kernel/shmall", "kernel/shmmax", "net/core/somaxconn", "net/ipv4/ip_forward",
	"net/ipv4/ip_local_port_range", "net/ipv4/ip_unprivileged_port_start",
	"net/ipv4/ping_group_range", "net/ipv4/conf/lo/forwarding",
	"net/ipv6/conf/all/disable_ipv6",
};

static const char *const files[] = {
	"1/comm", "self/attr/current", "self/cgroup", "self/comm", "self/coredump_filter",
	"self/gid_map", "self/loginuid", "self/mountinfo", "self/oom_score_adj",
	"self/setgroups", "self/status", "self/timens_offsets", "self/uid_map",
};

/* The content of /proc/FOLDER/NAME as one text. */
static void content(struct json *json, const char *folder, const char *name)
{
	static char text[1 << 17];
	char path[PATH_MAX];
	size_t used = 0;
	ssize_t got = -1;

	json_key(json, name);
	snprintf(path, sizeof path, "/proc/%s%s", folder, name);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		while ((got = read(fd, text + used, sizeof text - 1 - used)) > 0)
			used += (size_t)got;
		close(fd);
	}
	if (got < 0) {
		json_errno(json);
		return;
	}
	text[used] = '\0';
	json_text(json, text);
}

void report_namespaces(struct json *json)
{
	json_begin(json, '{');
	for (size_t i = 0; i < sizeof namespaces / sizeof namespaces[0]; i++) {
		char path[64], target[64];

		snprintf(path, sizeof path, "/proc/self/ns/%s", namespaces[i]);
		const ssize_t length = readlink(path, target, sizeof target - 1);

		json_key(json, namespaces[i]);
		if (length < 0) {
			json_errno(json);
			continue;
		}
		target[length] = '\0';
		json_text(json, target);
	}
	json_end(json, '}');
}

void report_kernel(struct json *json)
{
	struct utsname name;

	json_begin(json, '{');
	uname(&name);
	json_key_text(json, "hostname", name.nodename);
	json_key_text(json, "domainname", name.domainname);
	json_key_text(json, "machine", name.machine);
	json_key(json, "sysctl");
	json_begin(json, '{');
	for (size_t i = 0; i < sizeof sysctls / sizeof sysctls[0]; i++)
		content(json, "sys/", sysctls[i]);
	json_end(json, '}');
	json_end(json, '}');
}

void report_proc(struct json *json)
{
	json_begin(json, '{');
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		content(json, "", files[i]);
	json_end(json, '}');
}

static void interface(struct json *json, int fd, const char *name)
{
	struct ifreq request = { 0 };

	memcpy(request.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	json_key(json, name);
	json_begin(json, '{');
	if (ioctl(fd, SIOCGIFFLAGS, &request) == 0) {
		json_key(json, "flags");
		json_hex(json, (unsigned short)request.ifr_flags);
	}
	if (ioctl(fd, SIOCGIFMTU, &request) == 0)
		json_key_number(json, "mtu", request.ifr_mtu);
	if (ioctl(fd, SIOCGIFADDR, &request) == 0) {
		const struct sockaddr_in *address = (void *)&request.ifr_addr;

		json_key_text(json, "address", inet_ntoa(address->sin_addr));
	}
	json_end(json, '}');
}

void report_network(struct json *json)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct if_nameindex *const list = fd < 0 ? 0 : if_nameindex();

	if (!list) {
		json_errno(json);
	} else {
		json_begin(json, '{');
		for (const struct if_nameindex *entry = list; entry->if_name; entry++)
			interface(json, fd, entry->if_name);
		json_end(json, '}');
		if_freenameindex(list);
	}
	if (fd >= 0)
		close(fd);
}
