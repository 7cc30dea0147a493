/* The standard streams as terminals, and the terminal that controls the program. */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static void window(struct json *json, int fd)
{
	struct winsize size;

	json_key(json, "window");
	if (ioctl(fd, TIOCGWINSZ, &size) < 0) {
		json_errno(json);
		return;
	}
	json_begin(json, '[');
	json_number(json, size.ws_row);
	json_number(json, size.ws_col);
	json_end(json, ']');
}

static void modes(struct json *json, int fd)
{
	struct termios modes;

	json_key(json, "modes");
	if (tcgetattr(fd, &modes) < 0) {
		json_errno(json);
		return;
	}
	json_begin(json, '[');
	json_octal(json, modes.c_iflag);
	json_octal(json, modes.c_oflag);
	json_octal(json, modes.c_cflag);
	json_octal(json, modes.c_lflag);
	json_end(json, ']');
}

static void stream(struct json *json, int fd)
{
	char name[256] = "";
	const int failed = ttyname_r(fd, name, sizeof name);

	json_begin(json, '{');
	json_key(json, "name");
	errno = failed;
	if (failed)
		json_errno(json);
	else
		json_text(json, name);
	window(json, fd);
	modes(json, fd);
	json_key_number(json, "foreground", tcgetpgrp(fd) == getpgrp());
	json_key_number(json, "own session", tcgetsid(fd) == getsid(0));
	json_end(json, '}');
}

void report_terminals(struct json *json)
{
	json_begin(json, '{');
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		char number[16];

		if (!isatty(fd))
			continue;
		snprintf(number, sizeof number, "%d", fd);
		json_key(json, number);
		stream(json, fd);
	}
	const int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	json_key(json, "controlling");
	if (tty < 0)
		json_errno(json);
	else
		json_text(json, "there");
	if (tty >= 0)
		close(tty);
	json_end(json, '}');
}
