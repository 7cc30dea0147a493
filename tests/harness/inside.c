/* What busybox cannot do in a container: inside notify TEXT..., inside accept FD TEXT. */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A datagram for each text, to the socket that NOTIFY_SOCKET names. */
static int notify(char **texts)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (!path || strlen(path) >= sizeof(address.sun_path) || fd < 0)
		return 2;
	strcpy(address.sun_path, path);
	for (; *texts; texts++)
		if (sendto(fd, *texts, strlen(*texts), 0, (struct sockaddr *)&address,
			   sizeof(address)) < 0) {
			perror("sendto");
			return 1;
		}
	return 0;
}

/* One connection on a listening socket that was handed down: greet it. */
static int greet(const char *fd, const char *text)
{
	const int peer = accept(atoi(fd), NULL, NULL);

	if (peer < 0) {
		perror("accept");
		return 1;
	}
	return write(peer, text, strlen(text)) < 0;
}

int main(int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "notify") == 0)
		return notify(argv + 2);
	if (argc == 4 && strcmp(argv[1], "accept") == 0)
		return greet(argv[2], argv[3]);
	return 2;
}
