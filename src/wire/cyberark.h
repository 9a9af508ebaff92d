/* Gives CyberArk's events one set of names, whichever form they came in (CEF, LEEF, JSON, XML), so that one
 * rule holds for all of them. */
#ifndef VEDETTE_WIRE_CYBERARK_H
#define VEDETTE_WIRE_CYBERARK_H

#include "wire/device.h"

/* What the forms say under their own names, and what becomes of it:
 *
 * part             XML, JSON        CEF, LEEF                  common names
 * CODE             MessageID        header: class, event       event.code
 * ACTION           Action, Desc     act, header: name          event.action, without "Failure: "
 * SEVERITY         Severity         sev, header: severity      event.outcome: failure for Error, Critical, 7
 *                                                              and more, or an action that says it failed
 * ISSUER           Issuer           suser, usrName             user.name
 * TARGET_USER      TargetUser       Affected User Name         user.target.name, else
 * SOURCE_USER      SourceUser                                  user.target.name, else ACCOUNT is
 * ACCOUNT          CAProperty       duser, ExtraDetails.User   cyberark.account
 *                  UserName
 * ADDRESS          CAProperty       dhost, dst                 destination.*, unless ExtraDetails.DstHost is
 *                  Address
 * SAFE             Safe             Safe Name                  cyberark.safe
 * OBJECT           File             fname                      file.path
 * STATION          Station          shost, src                 cyberark.station; source.*, unless
 *                                                              ExtraDetails.SrcHost is (PSM)
 * GATEWAY_STATION  GatewayStation   Gateway Station            cyberark.gateway_station
 * REASON           Reason           reason                     cyberark.reason, event.reason
 * EXTRA            ExtraDetails     Other info                 ExtraDetails.K for each K=V;
 *                                                              …Command: process.command_line
 *                                                              …SessionID: cyberark.session_id
 * REQUEST          RequestId        Request Id                 cyberark.request_id
 * HOSTNAME         Hostname         dvchost                    host.name, unless the header names one
 * TIME             IsoTimestamp                                the event's time
 */
#define CYBERARK_PARTS(X) \
    X(CODE)               \
    X(ACTION)             \
    X(DESCRIPTION)        \
    X(SEVERITY)           \
    X(ISSUER)             \
    X(TARGET_USER)        \
    X(SOURCE_USER)        \
    X(ACCOUNT)            \
    X(ADDRESS)            \
    X(SAFE)               \
    X(OBJECT)             \
    X(STATION)            \
    X(GATEWAY_STATION)    \
    X(REASON)             \
    X(EXTRA)              \
    X(REQUEST)            \
    X(HOSTNAME)           \
    X(TIME)               \
    X(PRODUCT)

enum cyberark_part {
#define X(part) CYBERARK_##part,
    CYBERARK_PARTS(X)
#undef X
        CYBERARK_PART_COUNT,
};

/* The names of the parts, of every form. */
extern const struct names cyberark_names;

/* The prefix that the fields of XML and JSON audit records have. */
#define CYBERARK_RECORD_PREFIX SV("syslog.audit_record.")

/* For the event of a CEF or LEEF device: true if the device is the Vault or PTA, and then all is done. */
bool cyberark_apply_device(struct decoding *decoding, const struct device *device, size_t from);

/* For a whole audit record in XML or JSON: fields from index `from` on are named CYBERARK_RECORD_PREFIX and
 * its tag. */
void cyberark_apply_record(struct decoding *decoding, size_t from);

/* For an event of the audit service (Privilege Cloud and its like), whose fields stand from index `from` on:
 * auditCode       event.code: 295 for PAM00295, any other as it is
 * auditType       event.outcome: failure if it says so, or action does
 * action          event.action
 * username        user.name, else userId is
 * targetAccount   cyberark.account and user.target.name, else accountName is
 * source          cyberark.station, source.*
 * target          destination.*
 * safe, message   cyberark.safe; cyberark.reason and event.reason
 * sessionId       cyberark.session_id
 * command         process.command_line
 * uuid            event.id
 * serviceName     service.name
 */
void cyberark_apply_audit(struct decoding *decoding, size_t from);

/* The log source of a device, if it is one of ours. */
bool cyberark_source(sv vendor, sv product, struct logsource *ret);

#endif
