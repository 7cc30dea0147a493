/* sources: fast_line.c */
/* Which command lines are plain enough to be served without Python. */
#include "fast_line.h"

#include <signal.h>
#include <stdint.h>

#include "check.h"

#define WORDS 12
#define WORD(text) ((char *)(uintptr_t)(text))

/* The words of `text`, a blank between them, as a command line. */
static bool reads(const char *text, struct fast_line *line)
{
	static char buffer[1024], *argv[WORDS + 1];
	int argc = 1;

	argv[0] = WORD("pyrunc");
	snprintf(buffer, sizeof(buffer), "%s", text);
	for (char *word = strtok(buffer, " "); word && argc < WORDS; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	return fast_line_read(line, argc, argv);
}

static void check_plain(void)
{
	struct fast_line line;

	CHECK(reads("state c1", &line) && line.kind == FAST_STATE);
	CHECK_TEXT(line.id, "c1");
	CHECK(!line.root && !line.log && !line.signal && !line.force);
	CHECK(reads("--root /r --log /l --log-format json --systemd-cgroup kill c1 9", &line));
	CHECK(line.kind == FAST_KILL);
	CHECK_TEXT(line.root, "/r");
	CHECK_TEXT(line.log, "/l");
	CHECK_TEXT(line.signal, "9");
	CHECK(reads("--root=/r=x --log=/l --log-format=text delete --force c1", &line));
	CHECK(line.kind == FAST_DELETE && line.force);
	CHECK_TEXT(line.root, "/r=x");
	CHECK(reads("delete c1 -f", &line) && line.force);
	CHECK(reads("--log= state c1", &line) && !line.log);
	CHECK(reads("kill c1", &line) && !line.signal);
	CHECK(reads("start c1", &line) && line.kind == FAST_START);
}

static void check_left_to_python(void)
{
	static const char *const lines[] = {
		"", "state", "state c1 c2", "kill", "kill c1 9 9", "delete", "delete -f", "run c1",
		"create c1", "--root", "--root relative state c1", "--root / state c1",
		"--root // state c1", "--root= state c1", "--debug state c1", "--log", "--rootx /r state c1",
		"--log-format xml state c1", "--log-format", "state --root /r c1", "state -- c1",
		"state .c1", "state -c1", "state a/b", "state ../x", "kill --all c1", "kill -a c1 9",
		"delete --force=true c1", "--version state c1", "-h", "state --help c1", "init 3",
	};
	struct fast_line line;
	char longest[300] = "state ";

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const bool taken = reads(lines[i], &line);

		CHECK(!taken);
		if (taken)
			fprintf(stderr, "  taken: %s\n", lines[i]);
	}
	memset(longest + 6, 'x', 255);
	CHECK(reads(longest, &line));
	longest[6 + 255] = 'x';
	CHECK(!reads(longest, &line));
}

static void check_exec(void)
{
	struct fast_line line;

	CHECK(reads("exec c1 ls -l --env x", &line) && line.kind == FAST_EXEC);
	CHECK_TEXT(line.id, "c1");
	CHECK_TEXT(line.args[0], "ls");
	CHECK_TEXT(line.args[3], "x");
	CHECK(!line.args[4] && !line.detach && !*line.process_file && !*line.pid_file && !*line.cwd);
	CHECK(reads("--root /r exec --process /p -d --pid-file=/f c1", &line));
	CHECK_TEXT(line.process_file, "/p");
	CHECK_TEXT(line.pid_file, "/f");
	CHECK(line.detach && !line.args[0]);
	CHECK(reads("exec -e A=1 --env=B=2 -u 1:2 --cwd /x c1 true", &line));
	CHECK_TEXT(line.variables[0], "A=1");
	CHECK_TEXT(line.variables[1], "B=2");
	CHECK_TEXT(line.user, "1:2");
	CHECK_TEXT(line.cwd, "/x");
	static const char *const lines[] = {
		"exec", "exec c1", "exec -t c1 sh", "exec --tty c1 sh", "exec -- c1 sh", "exec -p /p c1 sh",
		"exec -p /p -e A=1 c1", "exec -p /p --cwd / c1", "exec --cap CAP_CHOWN c1 sh",
		"exec --preserve-fds 1 c1 sh", "exec --root /r c1 sh", "exec -e", "exec -e A=1",
		"exec --detach=false c1 sh", "exec ../c1 sh", "exec --console-socket /s -d -p /p c1",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		CHECK(!reads(lines[i], &line));
}

/* More variables than there is room for. */
static void check_many_variables(void)
{
	char *argv[2 * FAST_VARIABLES + 8] = { WORD("pyrunc"), WORD("exec") };
	struct fast_line line;
	int argc = 2;

	for (int i = 0; i < FAST_VARIABLES; i++) {
		argv[argc++] = WORD("-e");
		argv[argc++] = WORD("A=1");
	}
	argv[argc] = WORD("c1");
	argv[argc + 1] = WORD("sh");
	CHECK(fast_line_read(&line, argc + 2, argv) && line.variables[FAST_VARIABLES - 1]);
	argv[argc++] = WORD("-e");
	argv[argc++] = WORD("A=1");
	argv[argc] = WORD("c1");
	argv[argc + 1] = WORD("sh");
	CHECK(!fast_line_read(&line, argc + 2, argv));
}

static void check_signals(void)
{
	CHECK(fast_signal("9") == 9 && fast_signal("0") == 0 && fast_signal("TERM") == SIGTERM);
	CHECK(fast_signal("sigkill") == SIGKILL && fast_signal("SIGusr1") == SIGUSR1);
	CHECK(fast_signal("") == -1 && fast_signal("SIG") == -1 && fast_signal("9x") == -1);
	CHECK(fast_signal("-9") == -1 && fast_signal("+9") == -1 && fast_signal("9999") == -1);
	CHECK(fast_signal("SIGSIGKILL") == -1 && fast_signal("IOT") == -1);
}

int main(void)
{
	check_plain();
	check_left_to_python();
	check_exec();
	check_many_variables();
	check_signals();
	return check_status();
}
