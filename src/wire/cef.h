/* Decodes ArcSight's Common Event Format, as the standard has it and as devices send it. */
#ifndef VEDETTE_WIRE_CEF_H
#define VEDETTE_WIRE_CEF_H

#include "wire/decoding.h"

/* Adds the fields of "CEF:version|vendor|product|version|class|name|severity|extension". Header fields get
 * the names of CEF's dictionary (deviceVendor …). False, and nothing added, if body does not begin so. */
bool cef_decode(struct decoding *decoding, sv body);

/* The log source that cef_decode would tell, by the header alone; false if it is not sure. */
bool cef_source(sv body, struct logsource *ret);

#endif
