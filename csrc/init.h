/* The role of the executable inside the container. */
#ifndef PYRUNC_INIT_H
#define PYRUNC_INIT_H

/* Run as `pyrunc init BASE`, started by the runtime only. Returns an exit status. */
int init_main(int argc, char **argv);

#endif
