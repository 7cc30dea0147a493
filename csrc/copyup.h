#ifndef PYRUNC_COPYUP_H
#define PYRUNC_COPYUP_H

/* Copy the tree below `from` (O_PATH directory) into the empty directory `to`. */
int copyup(int from, int to);

#endif
