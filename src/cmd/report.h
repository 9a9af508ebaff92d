/* Alerts, messages and steps as JSON, in the shapes that doc/json.md promises. */
#ifndef VEDETTE_CMD_REPORT_H
#define VEDETTE_CMD_REPORT_H

#include "courier/courier.h"
#include "store/store.h"

#include <jansson.h>

/* One object each; the caller owns the reference. */
json_t *report_alert(const struct store_alert *alert, const struct store_message *messages, size_t count);
json_t *report_message(const struct store_message *message, bool with_alert);
json_t *report_step(const struct courier_step *step);

/* A string of any bytes: what is not UTF-8 is replaced, never refused. */
json_t *report_text(sv text);

/* One step as a line for people: time since `first` (or that it came before), the step, what was found. */
void report_print_step(const json_t *step, nanos *first);

#endif
