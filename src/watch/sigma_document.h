/* The kinds of documents that Sigma has, told apart. Pure. */
#ifndef VEDETTE_WATCH_SIGMA_DOCUMENT_H
#define VEDETTE_WATCH_SIGMA_DOCUMENT_H

#include "watch/sigma_rule.h"

enum sigma_document_kind {
    SIGMA_DOCUMENT_RULE,        /* it has a detection: sigma_rule.h */
    SIGMA_DOCUMENT_CORRELATION, /* it has the key correlation: correlation_rule.h */
    SIGMA_DOCUMENT_FILTER,      /* it has the key filter */
};

/* False, with the error told, if it is none of them. A document that shows no kind counts as a rule, whose
 * loader then says what it lacks. */
bool sigma_document_kind(enum sigma_document_kind *ret, const struct yaml_node *document,
                         struct sigma_errors *errors);

#endif
