/* Reads the plain command lines: see fast_line.h. The full grammar is runtime/cli/options.py. */
#define _GNU_SOURCE
#include "fast_line.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ID_MAX 255 /* runtime/state.py */

/* The value of `--NAME VALUE` or `--NAME=VALUE` at argv[*at]; NULL if it is another option. */
static const char *value_of(const char *name, char **argv, int argc, int *at)
{
	const char *word = argv[*at];
	const size_t length = strlen(name);

	if (strncmp(word, name, length) != 0)
		return NULL;
	if (word[length] == '=')
		return word + length + 1;
	if (word[length] != '\0' || *at + 1 >= argc)
		return NULL;
	return argv[++*at];
}

static bool is_id(const char *text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_+-.";
	const size_t length = strlen(text);

	return length > 0 && length <= ID_MAX && text[0] != '.' && text[0] != '-' &&
	       strspn(text, allowed) == length;
}

static bool read_global(struct fast_line *line, int argc, char **argv, int *at)
{
	const char *value;

	if (strcmp(argv[*at], "--systemd-cgroup") == 0)
		return true; /* of no meaning to a container that exists */
	if ((value = value_of("--root", argv, argc, at))) {
		line->root = value;
		return value[0] == '/' && value[strspn(value, "/")] != '\0';
	}
	if ((value = value_of("--log-format", argv, argc, at)))
		return strcmp(value, "json") == 0 || strcmp(value, "text") == 0;
	if ((value = value_of("--log", argv, argc, at))) {
		line->log = *value ? value : NULL;
		return true;
	}
	return false;
}

static bool read_command(struct fast_line *line, const char *word)
{
	static const char *const words[] = {
		[FAST_STATE] = "state", [FAST_START] = "start", [FAST_KILL] = "kill",
		[FAST_DELETE] = "delete", [FAST_EXEC] = "exec",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		line->kind = (enum fast_kind)i;
		if (strcmp(word, words[i]) == 0)
			return true;
	}
	return false;
}

static bool read_argument(struct fast_line *line, const char *word)
{
	if (line->kind == FAST_DELETE && (strcmp(word, "--force") == 0 || strcmp(word, "-f") == 0))
		line->force = true;
	else if (!line->id && is_id(word))
		line->id = word;
	else if (line->id && !line->signal && line->kind == FAST_KILL)
		line->signal = word;
	else
		return false;
	return true;
}

static bool add_variable(struct fast_line *line, const char *text)
{
	int count = 0;

	while (line->variables[count])
		count++;
	line->variables[count < FAST_VARIABLES ? count : 0] = text;
	return count < FAST_VARIABLES;
}

/* exec [options] ID [COMMAND...]: options end at the id. */
static bool read_exec(struct fast_line *line, int argc, char **argv, int at)
{
	const char *value;

	line->process_file = line->pid_file = line->cwd = line->user = "";
	for (; at < argc && argv[at][0] == '-'; at++) {
		if (strcmp(argv[at], "--detach") == 0 || strcmp(argv[at], "-d") == 0)
			line->detach = true;
		else if ((value = value_of("--process", argv, argc, &at)) ||
			 (value = value_of("-p", argv, argc, &at)))
			line->process_file = value;
		else if ((value = value_of("--pid-file", argv, argc, &at)))
			line->pid_file = value;
		else if ((value = value_of("--cwd", argv, argc, &at)))
			line->cwd = value;
		else if ((value = value_of("--user", argv, argc, &at)) ||
			 (value = value_of("-u", argv, argc, &at)))
			line->user = value;
		else if (!(value = value_of("--env", argv, argc, &at)) &&
			 !(value = value_of("-e", argv, argc, &at)))
			return false;
		else if (!add_variable(line, value))
			return false;
	}
	if (at >= argc || !is_id(argv[at]))
		return false;
	line->id = argv[at++];
	line->args = argv + at;
	/* A file and options about the process: which of them counts, Python knows. */
	return *line->process_file ? !*line->cwd && !*line->user && !line->variables[0] && at == argc
				   : at < argc;
}

bool fast_line_read(struct fast_line *line, int argc, char **argv)
{
	int at = 1;

	*line = (struct fast_line){ .root = NULL };
	for (; at < argc && argv[at][0] == '-'; at++)
		if (!read_global(line, argc, argv, &at))
			return false;
	if (at >= argc || !read_command(line, argv[at]))
		return false;
	if (line->kind == FAST_EXEC)
		return read_exec(line, argc, argv, at + 1);
	for (at++; at < argc; at++)
		if (!read_argument(line, argv[at]))
			return false;
	return line->id;
}

int fast_signal(const char *text)
{
	static const struct {
		const char *name;
		int number;
	} names[] = {
		{ "HUP", SIGHUP }, { "INT", SIGINT }, { "QUIT", SIGQUIT }, { "KILL", SIGKILL },
		{ "USR1", SIGUSR1 }, { "USR2", SIGUSR2 }, { "TERM", SIGTERM }, { "CONT", SIGCONT },
		{ "STOP", SIGSTOP }, { "WINCH", SIGWINCH },
	};
	const size_t digits = strspn(text, "0123456789");

	if (digits > 0 && digits < 4 && text[digits] == '\0')
		return atoi(text);
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(text, names[i].name) == 0)
			return names[i].number;
	return -1;
}
