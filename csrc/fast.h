/* Commands that need no interpreter: state, start, kill, delete and exec in their usual form. */
#ifndef PYRUNC_FAST_H
#define PYRUNC_FAST_H

#define FAST_NOT (-1) /* let Python do it: nothing was done, or nothing that it cannot go on from */

/*
 * The command's exit status, or FAST_NOT. Says nothing itself: what fails, Python tells.
 *
 * A start that went wrong cannot be tried again. What init said is then in *words_fd, a memory
 * file for Python to read, else it is -1.
 */
int fast_command(int argc, char **argv, int *words_fd);

#endif
