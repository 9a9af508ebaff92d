#include "cmd/path_check.h"

#include "base/buf.h"

static const char *const securities[] = {
    [SMTP_SECURITY_TLS] = "tls", [SMTP_SECURITY_STARTTLS] = "starttls", [SMTP_SECURITY_NONE] = "none"};

const char *path_security_name(enum smtp_security security)
{
    return securities[security];
}

bool path_security_parse(const char *text, enum smtp_security *ret)
{
    for (size_t i = 0; i < sizeof securities / sizeof *securities; i++)
        if (strcmp(securities[i], text) == 0) {
            *ret = (enum smtp_security)i;
            return true;
        }
    return false;
}

/* A YAML scalar: plain where that cannot be misread, else in double quotes. */
static void put_scalar(struct buf *out, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@/+-";
    bool starts_well = sv_find_char(SV("-._@+0123456789"), *text) == SV_NPOS;
    if (*text && strspn(text, plain) == strlen(text) && starts_well) {
        buf_put(out, sv_of(text));
        return;
    }
    buf_put_char(out, '"');
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\')
            buf_printf(out, "\\%c", *c);
        else if ((unsigned char)*c < 0x20 || *c == 0x7f)
            buf_printf(out, "\\x%02x", (unsigned char)*c);
        else
            buf_put_char(out, *c);
    }
    buf_put_char(out, '"');
}

static void put_key(struct buf *out, const char *key, const char *value)
{
    if (!value)
        return;
    buf_printf(out, "    %s: ", key);
    put_scalar(out, value);
    buf_put_char(out, '\n');
}

const char *path_where(const struct check_request *request, const struct check_report *report)
{
    return report->address ? report->address : request->gateway.host;
}

static bool same(const char *a, const char *b)
{
    return a && b && sv_ieq(sv_of(a), sv_of(b));
}

static void put_trust(const struct check_request *request, const struct check_report *report, struct buf *out)
{
    const struct config_gateway *given = &request->gateway;
    const char *name = report->suggested_verify_name ? report->suggested_verify_name : given->verify_name;
    if (report->security == SMTP_SECURITY_NONE) {
        buf_put(out, SV("    # In the clear: anybody on the way can read and change the mail.\n"));
        return;
    }
    if (!same(name, given->host) && !same(name, report->address))
        put_key(out, "verify_name", name);
    put_key(out, "ca_file", given->ca_file);
    put_key(out, "pin", given->pin);
    bool unknown = report->has_tls &&
                   (report->tls.faults & (1u << TLS_FAULT_SELF_SIGNED | 1u << TLS_FAULT_UNKNOWN_ISSUER |
                                          1u << TLS_FAULT_MISSING_INTERMEDIATE | 1u << TLS_FAULT_CN_ONLY));
    if (unknown && !given->pin)
        buf_printf(out,
                   "    # Not trusted yet. Compare with what the gateway's administrator sees, then one of:\n"
                   "    # pin: %s\n"
                   "    # ca_file: /etc/vedette/gateway-ca.pem\n",
                   report->tls.sent[0].fingerprint);
}

static void put_account(const struct check_request *request, const struct check_report *report,
                        const char *name, struct buf *out)
{
    if (request->gateway.username) {
        put_key(out, "username", request->gateway.username);
        buf_printf(out, "    password: secret:file/%s\n", name);
    } else if (report->mechanisms && *report->mechanisms) {
        buf_printf(out,
                   "    # It offers to authenticate. If it wants that:\n"
                   "    # username: svc-vedette\n    # password: secret:file/%s\n",
                   name);
    }
}

bool path_stanza(const struct check_request *request, const struct check_report *report, struct buf *out)
{
    const char *name = "primary";
    const struct config_gateway *given = &request->gateway;
    enum check_state banner = report->hops[CHECK_BANNER].state;
    bool spoke = banner == CHECK_OK || banner == CHECK_WARN || report->has_tls;
    if (given->name || !spoke || !report->address)
        return false;
    buf_printf(out, "gateways:\n  - name: %s\n", name);
    bool is_v6 = strchr(report->address, ':') != NULL; /* whose colons YAML could take for its own */
    buf_printf(out, is_v6 ? "    address: \"%s\"\n" : "    address: %s\n", report->address);
    put_key(out, "host", given->host);
    buf_printf(out, "    port: %d\n    security: %s\n", report->port, path_security_name(report->security));
    put_trust(request, report, out);
    put_account(request, report, name, out);
    put_key(out, "auth", given->auth);
    return true;
}

bool path_save_command(const struct check_request *request, const struct check_report *report, char *text,
                       size_t cap)
{
    const unsigned helped = 1u << TLS_FAULT_SELF_SIGNED | 1u << TLS_FAULT_UNKNOWN_ISSUER;
    struct address at;
    if (!report->has_tls || !(report->tls.faults & helped) || !report->address ||
        address_parse(sv_of(report->address), (uint16_t)report->port, &at, NULL) < 0)
        return false;
    tls_save_command(&at, request->gateway.verify_name, report->security == SMTP_SECURITY_STARTTLS,
                     "gateway-ca.pem", text, cap);
    return true;
}

int path_exit_code(const struct check_report *report)
{
    /* sysexits(3), by what has to be mended: the service, its protocol, a permission, an address, or time. */
    static const int codes[] = {
        [CAUSE_UNKNOWN] = 69,
        [CAUSE_ROUTING] = 69,
        [CAUSE_FIREWALL] = 69,
        [CAUSE_DNS] = 68,
        [CAUSE_TLS] = 76,
        [CAUSE_TRUST] = 76,
        [CAUSE_AUTHENTICATION] = 77,
        [CAUSE_RELAY_POLICY] = 77,
        [CAUSE_SENDER_POLICY] = 77,
        [CAUSE_RECIPIENT] = 67,
        [CAUSE_MAILBOX_FULL] = 75,
        [CAUSE_CONTENT] = 65,
        [CAUSE_SIZE] = 65,
        [CAUSE_RATE] = 75,
        [CAUSE_REPUTATION] = 77,
        [CAUSE_SENDER_AUTHENTICATION] = 77,
        [CAUSE_GATEWAY_FAULT] = 69,
    };
    if (report->verdict != CHECK_FAIL)
        return 0;
    return report->decisive && report->decisive->has_cause ? codes[report->decisive->cause] : 69;
}
