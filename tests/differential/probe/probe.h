/* The sections of the report. Each writes one value; what cannot be found out is told by its
 * errno, since a call that is refused is a thing to be seen as well. */
#ifndef PROBE_H
#define PROBE_H

#include "json.h"

void report_identity(struct json *json);
void report_limits(struct json *json);
void report_descriptors(struct json *json);
void report_terminals(struct json *json);
void report_signals(struct json *json);
void report_process(struct json *json, char **argv, char **env);
void report_namespaces(struct json *json);
void report_kernel(struct json *json);
void report_network(struct json *json);
void report_proc(struct json *json);
void report_devices(struct json *json);
void report_paths(struct json *json);

#endif
