/* Decodes QRadar's Log Event Extended Format, 1.0 and 2.0. */
#ifndef VEDETTE_WIRE_LEEF_H
#define VEDETTE_WIRE_LEEF_H

#include "wire/decoding.h"

/* Adds the fields of "LEEF:1.0|vendor|product|version|event|k=v<tab>k=v" or, from 2.0 on, with a delimiter
 * between pipes in front of the pairs. Header fields get the names that CEF has for them. False, and nothing
 * added, if body does not begin so. */
bool leef_decode(struct decoding *decoding, sv body);

/* The log source that leef_decode would tell, by the header alone; false if it is not sure. */
bool leef_source(sv body, struct logsource *ret);

#endif
