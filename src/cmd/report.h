/* Alerts, messages and steps as JSON, in the shapes that doc/json.md promises. */
#ifndef VEDETTE_CMD_REPORT_H
#define VEDETTE_CMD_REPORT_H

#include "courier/courier.h"
#include "store/store.h"

#include <jansson.h>

/* One object each; the caller owns the reference. */
json_t *report_alert(const struct store_alert *alert, const struct store_message *messages, size_t count);
json_t *report_message(const struct store_message *message, bool with_alert);
json_t *report_logsource(const struct logsource *source);
json_t *report_step(const struct courier_step *step);

/* A string of any bytes: what is not UTF-8 is replaced, never refused. */
json_t *report_text(sv text);

/* null stands for "none" and "not yet". */
json_t *report_text_or_null(sv text);
json_t *report_time(nanos t);

/* Prints an object as a line of JSON on standard output; _new drops the reference. */
void report_line(const json_t *json);
void report_line_new(json_t *json);

/* What an object has under a key: "" or 0 for none. A text is printed fit for a terminal, a time as
 * "2026-11-24 08:15:30Z". */
sv report_view(const json_t *object, const char *key);
const char *report_get(const json_t *object, const char *key);
long long report_number(const json_t *object, const char *key);
void report_print(const json_t *object, const char *key);
void report_print_time(const json_t *object, const char *key);

/* One step as a line for people: time since `first` (or that it came before), the step, what was found. */
void report_print_step(const json_t *step, nanos *first);

#endif
