#include "watch/sigma_document.h"

bool sigma_document_kind(enum sigma_document_kind *ret, const struct yaml_node *document,
                         struct sigma_errors *errors)
{
    if (document->kind != YAML_MAP) {
        sigma_error(errors, document->line, document->column,
                    "a rule must be a map with title, logsource and detection");
        return false;
    }
    const struct yaml_node *action = yaml_get(document, "action");
    if (action) {
        sigma_error(errors, action->key_line, action->key_column,
                    "'action' documents (rule collections) are no longer part of Sigma: write each rule out");
        return false;
    }
    *ret = yaml_get(document, "correlation") ? SIGMA_DOCUMENT_CORRELATION
           : yaml_get(document, "filter")    ? SIGMA_DOCUMENT_FILTER
                                             : SIGMA_DOCUMENT_RULE;
    return true;
}
