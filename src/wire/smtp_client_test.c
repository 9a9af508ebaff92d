/* Whole sessions as dialogues: what the client says, what a gateway answers, and what came of it. Each runs
 * twice: replies fed whole and fed a byte at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "wire/smtp_client.h"

enum { STEPS_MAX = 40 };

struct step {
    char kind; /* S the gateway says, C the client must have said, T the TLS handshake ends, X the gateway
                  closes */
    sv text;
};

#define S(lit)            \
    {                     \
        'S', SV_INIT(lit) \
    }
#define C(lit)            \
    {                     \
        'C', SV_INIT(lit) \
    }
#define TLS              \
    {                    \
        'T', SV_INIT("") \
    }
#define CLOSE            \
    {                    \
        'X', SV_INIT("") \
    }

struct dialogue {
    const char *name;
    enum smtp_security security;
    const char *mechanism; /* NULL: no authentication */
    const struct smtp_envelope *messages[3];
    struct step steps[STEPS_MAX];
    const char *story; /* every event */
    const char *cause; /* what the failure's cause has in it */
    bool uncertain;
};

static const char secret[] = "tr0ub4dor";

static const struct smtp_recipient one[] = {{.address = SV_INIT("soc@example.org")}};
static const struct smtp_recipient two[] = {{.address = SV_INIT("a@example.org")},
                                            {.address = SV_INIT("b@example.org")}};
static const struct smtp_envelope note = {.sender = SV_INIT("v@example.org"),
                                          .recipients = one,
                                          .recipient_count = 1,
                                          .content = SV_INIT("Subject: x\r\n\r\n.\r\n")};
static const struct smtp_envelope pair = {
    .sender = SV_INIT("v@example.org"), .recipients = two, .recipient_count = 2, .content = SV_INIT("x\r\n")};
static const struct smtp_recipient with_dsn[] = {{.address = SV_INIT("soc@example.org"),
                                                  .notify = SV_INIT("SUCCESS,FAILURE"),
                                                  .orcpt = SV_INIT("s+c=@example.org")}};
static const struct smtp_envelope traced = {.sender = SV_INIT(""),
                                            .recipients = with_dsn,
                                            .recipient_count = 1,
                                            .envid = SV_INIT("alert 7"),
                                            .content = SV_INIT("caf\xc3\xa9\r\n")};
static const struct smtp_recipient umlaut[] = {{.address = SV_INIT("b\xc3\xbc@example.org")}};
static const struct smtp_envelope international = {.sender = SV_INIT("v@example.org"),
                                                   .recipients = umlaut,
                                                   .recipient_count = 1,
                                                   .content = SV_INIT("x\r\n")};

static const struct smtp_envelope question = {.sender = SV_INIT("v@example.org"),
                                              .recipients = two,
                                              .recipient_count = 2,
                                              .ask_only = true,
                                              .ask_size = 9000};

static const struct smtp_envelope sender_only = {.sender = SV_INIT("v@example.org"), .ask_only = true};

#define HELLO        S("220 mx.example.org ESMTP\r\n"), C("EHLO me.example.org\r\n")
#define HELLO_PLAIN  HELLO, S("250 mx.example.org\r\n")
#define HELLO_GROUPS HELLO, S("250-mx.example.org\r\n250 PIPELINING\r\n")
#define MAIL         "MAIL FROM:<v@example.org>\r\n"
#define NOTE_GROUP   C(MAIL "RCPT TO:<soc@example.org>\r\nDATA\r\n")
#define PAIR_GROUP   C(MAIL "RCPT TO:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")
#define NOTE_BODY    C("Subject: x\r\n\r\n..\r\n.\r\n")
#define GOODBYE      C("QUIT\r\n"), S("221 bye\r\n")

static const struct dialogue dialogues[] = {
    {.name = "a message goes one by one where PIPELINING is not offered",
     .security = SMTP_SECURITY_TLS,
     .messages = {&note},
     .steps = {HELLO_PLAIN, C(MAIL), S("250 ok\r\n"), C("RCPT TO:<soc@example.org>\r\n"), S("250 ok\r\n"),
               C("DATA\r\n"), S("354 go\r\n"), NOTE_BODY, S("250 2.0.0 queued as 7\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 data:354 dot:250 sent:250/dot ready "
              "quit:221 closed"},
    {.name = "a message goes in one group where PIPELINING is offered",
     .security = SMTP_SECURITY_TLS,
     .messages = {&note},
     .steps = {HELLO_GROUPS, NOTE_GROUP, S("250 a\r\n250 b\r\n354 c\r\n"), NOTE_BODY, S("250 d\r\n"),
               GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 data:354 dot:250 sent:250/dot ready "
              "quit:221 closed"},
    {.name = "a session carries several messages",
     .security = SMTP_SECURITY_NONE,
     .messages = {&note, &pair},
     .steps = {HELLO_GROUPS, NOTE_GROUP, S("250 a\r\n250 b\r\n354 c\r\n"), NOTE_BODY, S("250 d\r\n"),
               PAIR_GROUP, S("250 a\r\n250 b\r\n250 b\r\n354 c\r\n"), C("x\r\n.\r\n"), S("250 d\r\n"),
               GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 data:354 dot:250 sent:250/dot ready "
              "mail:250 rcpt:250 rcpt[0]:250 rcpt:250 rcpt[1]:250 data:354 dot:250 sent:250/dot ready "
              "quit:221 closed"},
    {.name = "one of two recipients is refused and the other has the message",
     .security = SMTP_SECURITY_TLS,
     .messages = {&pair},
     .steps = {HELLO_GROUPS, PAIR_GROUP, S("250 a\r\n550 5.1.1 no\r\n250 b\r\n354 c\r\n"), C("x\r\n.\r\n"),
               S("250 d\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:550 rcpt[0]:550 rcpt:250 rcpt[1]:250 data:354 dot:250 "
              "sent:250/dot ready quit:221 closed"},
    {.name = "all recipients refused, DATA refused too: RSET, and the session goes on",
     .security = SMTP_SECURITY_TLS,
     .messages = {&note, &note},
     .steps = {HELLO_GROUPS, NOTE_GROUP, S("250 a\r\n550 no\r\n503 no\r\n"), C("RSET\r\n"), S("250 ok\r\n"),
               NOTE_GROUP, S("250 a\r\n250 b\r\n354 c\r\n"), NOTE_BODY, S("250 d\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:550 rcpt[0]:550 data:503 sent:550/rcpt rset:250 ready "
              "mail:250 rcpt:250 rcpt[0]:250 data:354 dot:250 sent:250/dot ready quit:221 closed"},
    {.name = "all recipients refused but DATA let through: the lone dot, and nobody has the message",
     .security = SMTP_SECURITY_TLS,
     .messages = {&pair},
     .steps = {HELLO_GROUPS, PAIR_GROUP, S("250 a\r\n550 no\r\n451 later\r\n354 go\r\n"), C(".\r\n"),
               S("250 ok\r\n"), C("RSET\r\n"), S("250 ok\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:550 rcpt[0]:550 rcpt:451 rcpt[1]:451 data:354 dot:250 "
              "sent:451/rcpt rset:250 ready quit:221 closed"},
    {.name = "the sender refused in a group: no recipient has an answer of its own",
     .security = SMTP_SECURITY_TLS,
     .messages = {&note},
     .steps = {HELLO_GROUPS, NOTE_GROUP, S("553 5.1.8 no\r\n503 b\r\n503 c\r\n"), C("RSET\r\n"),
               S("250 ok\r\n"), GOODBYE},
     .story =
         "banner:220 ehlo:250 ready mail:553 rcpt:503 data:503 sent:553/mail rset:250 ready quit:221 closed"},
    {.name = "the sender refused one by one",
     .security = SMTP_SECURITY_TLS,
     .messages = {&note},
     .steps = {HELLO_PLAIN, C(MAIL), S("451 4.3.0 later\r\n"), C("RSET\r\n"), S("250 ok\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:451 sent:451/mail rset:250 ready quit:221 closed"},
    {.name = "DATA refused one by one",
     .security = SMTP_SECURITY_TLS,
     .messages = {&note},
     .steps = {HELLO_PLAIN, C(MAIL), S("250 a\r\n"), C("RCPT TO:<soc@example.org>\r\n"), S("251 b\r\n"),
               C("DATA\r\n"), S("451 no\r\n"), C("RSET\r\n"), S("250 ok\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:251 rcpt[0]:251 data:451 sent:451/data rset:250 ready "
              "quit:221 closed"},
    {.name = "the message refused after the dot",
     .security = SMTP_SECURITY_TLS,
     .messages = {&note},
     .steps = {HELLO_GROUPS, NOTE_GROUP, S("250 a\r\n250 b\r\n354 c\r\n"), NOTE_BODY, S("552 5.3.4 no\r\n"),
               C("RSET\r\n"), S("250 ok\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 data:354 dot:552 sent:552/dot "
              "rset:250 ready quit:221 closed"},
    {.name = "SIZE, BODY, RET, ENVID, NOTIFY and ORCPT are said where they are offered",
     .security = SMTP_SECURITY_TLS,
     .messages = {&traced},
     .steps = {HELLO, S("250-mx.example.org\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-DSN\r\n250 x\r\n"),
               C("MAIL FROM:<> SIZE=7 BODY=8BITMIME RET=HDRS ENVID=alert+207\r\n"), S("250 a\r\n"),
               C("RCPT TO:<soc@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;s+2Bc+3D@example.org\r\n"),
               S("250 b\r\n"), C("DATA\r\n"), S("354 c\r\n"), C("caf\xc3\xa9\r\n.\r\n"), S("250 d\r\n"),
               GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 data:354 dot:250 sent:250/dot ready "
              "quit:221 closed"},
    {.name = "SMTPUTF8 is said when an address needs it",
     .security = SMTP_SECURITY_TLS,
     .messages = {&international},
     .steps = {HELLO, S("250-mx.example.org\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"),
               C("MAIL FROM:<v@example.org> BODY=8BITMIME SMTPUTF8\r\n"), S("250 a\r\n"),
               C("RCPT TO:<b\xc3\xbc@example.org>\r\n"), S("250 b\r\n"), C("DATA\r\n"), S("354 c\r\n"),
               C("x\r\n.\r\n"), S("250 d\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 data:354 dot:250 sent:250/dot ready "
              "quit:221 closed"},
    {.name = "what the gateway cannot carry is refused here, and the session stays ready",
     .security = SMTP_SECURITY_TLS,
     .messages = {&traced, &international, &note},
     .steps = {HELLO, S("250-mx.example.org\r\n250 SIZE 5\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready local local local quit:221 closed"},
    {.name = "only asked: one by one, never DATA, RSET even when all are accepted",
     .security = SMTP_SECURITY_TLS,
     .messages = {&question, &note},
     .steps = {HELLO, S("250-mx.example.org\r\n250-SIZE 10000\r\n250 PIPELINING\r\n"),
               C("MAIL FROM:<v@example.org> SIZE=9000\r\n"), S("250 a\r\n"), C("RCPT TO:<a@example.org>\r\n"),
               S("250 b\r\n"), C("RCPT TO:<b@example.org>\r\n"), S("251 c\r\n"), C("RSET\r\n"),
               S("250 ok\r\n"),
               C("MAIL FROM:<v@example.org> SIZE=17\r\nRCPT TO:<soc@example.org>\r\nDATA\r\n"),
               S("250 a\r\n250 b\r\n354 c\r\n"), NOTE_BODY, S("250 d\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 rcpt:251 rcpt[1]:251 sent:251/rcpt "
              "rset:250 ready mail:250 rcpt:250 rcpt[0]:250 data:354 dot:250 sent:250/dot ready quit:221 "
              "closed"},
    {.name = "only asked, one by one, and refused",
     .security = SMTP_SECURITY_TLS,
     .messages = {&question},
     .steps = {HELLO_PLAIN, C(MAIL), S("250 ok\r\n"), C("RCPT TO:<a@example.org>\r\n"), S("550 5.1.1 no\r\n"),
               C("RCPT TO:<b@example.org>\r\n"), S("250 ok\r\n"), C("RSET\r\n"), S("250 ok\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:550 rcpt[0]:550 rcpt:250 rcpt[1]:250 sent:550/rcpt "
              "rset:250 ready quit:221 closed"},
    {.name = "only asked, and the sender is refused",
     .security = SMTP_SECURITY_TLS,
     .messages = {&question},
     .steps = {HELLO_GROUPS, C(MAIL), S("553 5.1.8 no\r\n"), C("RSET\r\n"), S("250 ok\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:553 sent:553/mail rset:250 ready quit:221 closed"},
    {.name = "only the sender is asked about",
     .security = SMTP_SECURITY_TLS,
     .messages = {&sender_only},
     .steps = {HELLO_GROUPS, C(MAIL), S("250 ok\r\n"), C("RSET\r\n"), S("250 ok\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 sent:250/mail rset:250 ready quit:221 closed"},
    {.name = "STARTTLS: greeted again and all forgotten",
     .security = SMTP_SECURITY_STARTTLS,
     .messages = {&note},
     .steps = {HELLO, S("250-mx.example.org\r\n250-PIPELINING\r\n250 STARTTLS\r\n"), C("STARTTLS\r\n"),
               S("220 go\r\n"), TLS, C("EHLO me.example.org\r\n"), S("250 mx.example.org\r\n"), C(MAIL),
               S("250 ok\r\n"), C("RCPT TO:<soc@example.org>\r\n"), S("250 ok\r\n"), C("DATA\r\n"),
               S("354 go\r\n"), NOTE_BODY, S("250 ok\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 starttls:220 want-tls ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 "
              "data:354 dot:250 "
              "sent:250/dot ready quit:221 closed"},
    {.name = "HELO where EHLO is not known",
     .security = SMTP_SECURITY_NONE,
     .messages = {&note},
     .steps = {HELLO, S("502 what\r\n"), C("HELO me.example.org\r\n"),
               S("250-mx.example.org\r\n250 PIPELINING\r\n"), C(MAIL), S("250 ok\r\n"),
               C("RCPT TO:<soc@example.org>\r\n"), S("250 ok\r\n"), C("DATA\r\n"), S("354 go\r\n"), NOTE_BODY,
               S("250 ok\r\n"), GOODBYE},
     .story = "banner:220 ehlo:502 ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 data:354 dot:250 "
              "sent:250/dot ready quit:221 closed"},
    {.name = "QUIT cut short is no failure",
     .security = SMTP_SECURITY_NONE,
     .steps = {HELLO_PLAIN, C("QUIT\r\n"), CLOSE},
     .story = "banner:220 ehlo:250 ready closed"},
    {.name = "QUIT answered with nonsense is no failure",
     .security = SMTP_SECURITY_NONE,
     .steps = {HELLO_PLAIN, C("QUIT\r\n"), S("what\r\n")},
     .story = "banner:220 ehlo:250 ready closed"},

    /* Failures. */
    {.name = "a banner that refuses",
     .security = SMTP_SECURITY_NONE,
     .steps = {S("554 no\r\n")},
     .story = "banner:554 failed/banner/answered",
     .cause = "does not serve us: 554 no"},
    {.name = "closed without a word",
     .security = SMTP_SECURITY_NONE,
     .steps = {CLOSE},
     .story = "failed/banner",
     .cause = "closed in stage banner"},
    {.name = "another protocol",
     .security = SMTP_SECURITY_NONE,
     .steps = {S("SSH-2.0-x\r\n")},
     .story = "failed/banner",
     .cause = "does not begin with a code"},
    {.name = "421 in the middle of a group ends the session and nobody has the message",
     .security = SMTP_SECURITY_NONE,
     .messages = {&note},
     .steps = {HELLO_GROUPS, NOTE_GROUP, S("250 a\r\n421 4.3.2 down\r\n"), CLOSE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:421 failed/rcpt/answered",
     .cause = "ends the session: 421 4.3.2 down"},
    {.name = "421 to the dot is certain: not sent",
     .security = SMTP_SECURITY_NONE,
     .messages = {&note},
     .steps = {HELLO_GROUPS, NOTE_GROUP, S("250 a\r\n250 b\r\n354 c\r\n"), NOTE_BODY, S("421 down\r\n")},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 data:354 dot:421 failed/dot/answered",
     .cause = "421 down"},
    {.name = "closed after the dot is uncertain",
     .security = SMTP_SECURITY_NONE,
     .messages = {&note},
     .steps = {HELLO_GROUPS, NOTE_GROUP, S("250 a\r\n250 b\r\n354 c\r\n"), NOTE_BODY, CLOSE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 data:354 failed/dot",
     .cause = "closed in stage dot",
     .uncertain = true},
    {.name = "closed within the answer to the dot is uncertain",
     .security = SMTP_SECURITY_NONE,
     .messages = {&note},
     .steps = {HELLO_GROUPS, NOTE_GROUP, S("250 a\r\n250 b\r\n354 c\r\n"), NOTE_BODY, S("250 d"), CLOSE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 data:354 failed/dot",
     .cause = "closed in stage dot",
     .uncertain = true},
    {.name = "closed in a group is certain",
     .security = SMTP_SECURITY_NONE,
     .messages = {&note},
     .steps = {HELLO_GROUPS, NOTE_GROUP, S("250 a\r\n"), CLOSE},
     .story = "banner:220 ehlo:250 ready mail:250 failed/rcpt",
     .cause = "closed in stage rcpt"},
    {.name = "a gateway that goes down while idle",
     .security = SMTP_SECURITY_NONE,
     .messages = {&note},
     .steps = {HELLO_PLAIN, C(MAIL), S("550 no\r\n"), C("RSET\r\n"), S("421 down\r\n")},
     .story = "banner:220 ehlo:250 ready mail:550 sent:550/mail rset:421 failed/rset/answered",
     .cause = "421 down"},
    {.name = "a code that changes within a reply",
     .security = SMTP_SECURITY_NONE,
     .steps = {HELLO, S("250-mx\r\n550 x\r\n")},
     .story = "banner:220 failed/ehlo",
     .cause = "changes its code"},
    {.name = "lines that end in a bare LF",
     .security = SMTP_SECURITY_NONE,
     .steps = {S("220 hi\n")},
     .story = "failed/banner",
     .cause = "bare LF"},

    /* STARTTLS under attack (CVE-2021-22946, CVE-2021-22947): neither AUTH nor MAIL is ever said. */
    {.name = "STARTTLS not offered",
     .security = SMTP_SECURITY_STARTTLS,
     .mechanism = "",
     .messages = {&note},
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH PLAIN\r\n")},
     .story = "banner:220 ehlo:250 failed/ehlo",
     .cause = "does not offer STARTTLS"},
    {.name = "STARTTLS refused with 454",
     .security = SMTP_SECURITY_STARTTLS,
     .messages = {&note},
     .steps = {HELLO, S("250-mx.example.org\r\n250 STARTTLS\r\n"), C("STARTTLS\r\n"), S("454 later\r\n")},
     .story = "banner:220 ehlo:250 starttls:454 failed/starttls/answered",
     .cause = "refuses it: 454 later"},
    {.name = "STARTTLS refused with 502",
     .security = SMTP_SECURITY_STARTTLS,
     .messages = {&note},
     .steps = {HELLO, S("250-mx.example.org\r\n250 STARTTLS\r\n"), C("STARTTLS\r\n"), S("502 no\r\n")},
     .story = "banner:220 ehlo:250 starttls:502 failed/starttls/answered",
     .cause = "refuses it: 502 no"},
    {.name = "STARTTLS answered with 354",
     .security = SMTP_SECURITY_STARTTLS,
     .messages = {&note},
     .steps = {HELLO, S("250-mx.example.org\r\n250 STARTTLS\r\n"), C("STARTTLS\r\n"), S("354 go\r\n")},
     .story = "banner:220 ehlo:250 starttls:354 failed/starttls",
     .cause = "354 go is no answer to STARTTLS"},
    {.name = "EHLO refused so that HELO would have no STARTTLS",
     .security = SMTP_SECURITY_STARTTLS,
     .messages = {&note},
     .steps = {HELLO, S("500 what\r\n")},
     .story = "banner:220 ehlo:500 failed/ehlo/answered",
     .cause = "refuses EHLO, so it has no STARTTLS"},
    {.name = "a reply put in after 220 go",
     .security = SMTP_SECURITY_STARTTLS,
     .messages = {&note},
     .steps = {HELLO, S("250-mx.example.org\r\n250 STARTTLS\r\n"), C("STARTTLS\r\n"),
               S("220 go\r\n250 x\r\n")},
     .story = NULL,
     .cause = "bytes came in the clear"},
    {.name = "half a line put in after 220 go",
     .security = SMTP_SECURITY_STARTTLS,
     .messages = {&note},
     .steps = {HELLO, S("250-mx.example.org\r\n250 STARTTLS\r\n"), C("STARTTLS\r\n"), S("220 go\r\n2")},
     .story = NULL,
     .cause = "bytes came in the clear"},

    /* AUTH. */
    {.name = "PLAIN within TLS",
     .security = SMTP_SECURITY_TLS,
     .mechanism = "",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH LOGIN PLAIN\r\n"),
               C("AUTH PLAIN AHVzZXIAdHIwdWI0ZG9y\r\n"), S("235 2.7.0 ok\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 want-credentials auth:235 ready quit:221 closed"},
    {.name = "LOGIN within TLS, as old servers write their offer",
     .security = SMTP_SECURITY_TLS,
     .mechanism = "",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH=LOGIN\r\n"), C("AUTH LOGIN\r\n"),
               S("334 VXNlcm5hbWU6\r\n"), C("dXNlcg==\r\n"), S("334 UGFzc3dvcmQ6\r\n"), C("dHIwdWI0ZG9y\r\n"),
               S("235 ok\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 want-credentials auth:334 auth:334 auth:235 ready quit:221 closed"},
    {.name = "CRAM-MD5 is allowed in the clear and preferred to PLAIN",
     .security = SMTP_SECURITY_NONE,
     .mechanism = "",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH PLAIN CRAM-MD5\r\n"), C("AUTH CRAM-MD5\r\n"),
               S("334 PDFAZXhhbXBsZS5vcmc+\r\n"),
               C("dXNlciAxMjE4MjU2YWFmNDZhNzk4NzRmZjRjZjk3MzU5NTQyYQ==\r\n"), S("235 ok\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 want-credentials auth:334 auth:235 ready quit:221 closed"},
    {.name = "PLAIN in the clear is refused before anything is said",
     .security = SMTP_SECURITY_NONE,
     .mechanism = "",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH PLAIN LOGIN\r\n")},
     .story = "banner:220 ehlo:250 want-credentials failed/auth",
     .cause = "PLAIN would show the password"},
    {.name = "LOGIN by name in the clear is refused",
     .security = SMTP_SECURITY_NONE,
     .mechanism = "LOGIN",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH CRAM-MD5 LOGIN\r\n")},
     .story = "banner:220 ehlo:250 want-credentials failed/auth",
     .cause = "LOGIN would show the password"},
    {.name = "a token in the clear is refused",
     .security = SMTP_SECURITY_NONE,
     .mechanism = "XOAUTH2",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH XOAUTH2\r\n")},
     .story = "banner:220 ehlo:250 want-credentials failed/auth",
     .cause = "XOAUTH2 would show the password"},
    {.name = "a mechanism that is not offered",
     .security = SMTP_SECURITY_TLS,
     .mechanism = "scram-sha-256",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH PLAIN LOGIN\r\n")},
     .story = "banner:220 ehlo:250 want-credentials failed/auth",
     .cause = "does not offer SCRAM-SHA-256; it offers PLAIN LOGIN"},
    {.name = "nothing in common",
     .security = SMTP_SECURITY_TLS,
     .mechanism = "",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH GSSAPI NTLM\r\n")},
     .story = "banner:220 ehlo:250 want-credentials failed/auth",
     .cause = "it offers GSSAPI NTLM"},
    {.name = "AUTH not offered at all",
     .security = SMTP_SECURITY_TLS,
     .mechanism = "",
     .steps = {HELLO_PLAIN},
     .story = "banner:220 ehlo:250 failed/ehlo",
     .cause = "does not offer AUTH"},
    {.name = "a wrong password; the secret that the gateway repeats is not told on",
     .security = SMTP_SECURITY_TLS,
     .mechanism = "",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH PLAIN\r\n"), C("AUTH PLAIN AHVzZXIAdHIwdWI0ZG9y\r\n"),
               S("535 5.7.8 tr0ub4dor AHVzZXIAdHIwdWI0ZG9y no\r\n")},
     .story = "banner:220 ehlo:250 want-credentials auth:535 failed/auth/answered",
     .cause = "refuses our PLAIN authentication: 535 5.7.8 ********* ******************** no"},
    {.name = "XOAUTH2 answers the error with an empty line",
     .security = SMTP_SECURITY_TLS,
     .mechanism = "XOAUTH2",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH XOAUTH2\r\n"),
               C("AUTH XOAUTH2 dXNlcj11c2VyAWF1dGg9QmVhcmVyIHRyMHViNGRvcgEB\r\n"),
               S("334 eyJzdGF0dXMiOiI0MDEifQ==\r\n"), C("\r\n"), S("535 5.7.3 no\r\n")},
     .story = "banner:220 ehlo:250 want-credentials auth:334 auth:535 failed/auth/answered",
     .cause = "saying {\"status\":\"401\"}: 535"},
    {.name = "OAUTHBEARER answers the error with AQ==",
     .security = SMTP_SECURITY_TLS,
     .mechanism = "OAUTHBEARER",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH OAUTHBEARER\r\n"),
               C("AUTH OAUTHBEARER bixhPXVzZXIsAWF1dGg9QmVhcmVyIHRyMHViNGRvcgEB\r\n"),
               S("334 eyJzdGF0dXMiOiI0MDEifQ==\r\n"), C("AQ==\r\n"), S("535 5.7.3 no\r\n")},
     .story = "banner:220 ehlo:250 want-credentials auth:334 auth:535 failed/auth/answered",
     .cause = "saying {\"status\":\"401\"}: 535"},
    {.name = "a challenge that is not base64 is cancelled",
     .security = SMTP_SECURITY_TLS,
     .mechanism = "LOGIN",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH LOGIN\r\n"), C("AUTH LOGIN\r\n"),
               S("334 Username:\r\n"), C("*\r\n"), S("501 cancelled\r\n")},
     .story = "banner:220 ehlo:250 want-credentials auth:334 auth:501 failed/auth",
     .cause = "not valid base64"},
    {.name = "a gateway that asks for ever is cancelled",
     .security = SMTP_SECURITY_TLS,
     .mechanism = "LOGIN",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH LOGIN\r\n"), C("AUTH LOGIN\r\n"),
               S("334 VXNlcm5hbWU6\r\n"), C("dXNlcg==\r\n"), S("334 UGFzc3dvcmQ6\r\n"), C("dHIwdWI0ZG9y\r\n"),
               S("334 UGFzc3dvcmQ6\r\n"), C("*\r\n"), S("334 x\r\n")},
     .story = "banner:220 ehlo:250 want-credentials auth:334 auth:334 auth:334 auth:334 failed/auth",
     .cause = "334 (challenge) is no answer to the cancelled AUTH"},
    {.name = "success claimed before the exchange is complete is not believed",
     .security = SMTP_SECURITY_TLS,
     .mechanism = "LOGIN",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH LOGIN\r\n"), C("AUTH LOGIN\r\n"), S("235 ok\r\n")},
     .story = "banner:220 ehlo:250 want-credentials auth:235 failed/auth",
     .cause = "claims success before LOGIN is complete"},
};

struct run {
    const struct dialogue *dialogue;
    struct smtp_client *client;
    struct buf story, said;
    size_t next_message;
};

static void tell_story(struct run *run, const char *word)
{
    assert_int_equal(buf_printf(&run->story, "%s%s", buf_view(&run->story).n ? " " : "", word), 0);
}

static void on_ready(struct run *run)
{
    tell_story(run, "ready");
    while (run->next_message < 3 && run->dialogue->messages[run->next_message]) {
        struct err err;
        if (smtp_client_send(run->client, run->dialogue->messages[run->next_message++], &err) == 0)
            return;
        assert_true(strlen(err.cause) > 0 && strlen(err.advice) > 0);
        tell_story(run, "local");
    }
    smtp_client_quit(run->client);
}

static void on_failed(struct run *run)
{
    char word[64];
    snprintf(word, sizeof word, "failed/%s%s", smtp_stage_name(smtp_client_stage(run->client)),
             smtp_client_failure_answered(run->client) ? "/answered" : "");
    tell_story(run, word);
}

/* False when there is nothing more to do without input. */
static bool act(struct run *run)
{
    struct smtp_client *client = run->client;
    enum smtp_client_event event = smtp_client_next(client);
    const struct smtp_answer *answer = smtp_client_answer(client);
    const char *stage = smtp_stage_name(smtp_client_stage(client));
    char word[64];
    assert_null(strstr(answer->text, secret));
    switch (event) {
    case SMTP_CLIENT_NEED_IO:
        return false;
    case SMTP_CLIENT_ANSWER:
        snprintf(word, sizeof word, "%s:%d", stage, answer->code);
        tell_story(run, word);
        return true;
    case SMTP_CLIENT_WANT_TLS:
        if (run->dialogue->security == SMTP_SECURITY_TLS)
            smtp_client_tls_started(client);
        else
            tell_story(run, "want-tls");
        return true;
    case SMTP_CLIENT_WANT_CREDENTIALS:
        tell_story(run, "want-credentials");
        smtp_client_authenticate(client,
                                 &(struct smtp_credentials){.username = SV("user"),
                                                            .secret = sv_of(secret),
                                                            .mechanism = sv_of(run->dialogue->mechanism)});
        return true;
    case SMTP_CLIENT_READY:
        on_ready(run);
        return true;
    case SMTP_CLIENT_RECIPIENT:
        snprintf(word, sizeof word, "rcpt[%zu]:%d", smtp_client_recipient(client), answer->code);
        tell_story(run, word);
        return true;
    case SMTP_CLIENT_SENT:
        snprintf(word, sizeof word, "sent:%d/%s", answer->code, stage);
        tell_story(run, word);
        return true;
    case SMTP_CLIENT_FAILED:
    case SMTP_CLIENT_CLOSED:
        return false;
    }
    return false;
}

static void settle(struct run *run)
{
    do {
        while (act(run))
            ;
        sv out = smtp_client_output(run->client);
        if (out.n == 0)
            return;
        sv part = sv_first(out, 7); /* the kernel takes what it likes */
        assert_int_equal(buf_put(&run->said, part), 0);
        smtp_client_sent(run->client, part.n);
    } while (true);
}

static void say(struct run *run, sv text, size_t size)
{
    for (size_t at = 0; at < text.n; at += size) {
        smtp_client_feed(run->client, sv_first(sv_from(text, at), size));
        settle(run);
    }
}

static void take_step(struct run *run, const struct step *step, size_t size)
{
    settle(run);
    switch (step->kind) {
    case 'C':
        if (!sv_starts(buf_view(&run->said), step->text))
            fail_msg("%s: expected \"%.*s\", said \"%.*s\"", run->dialogue->name, SV_ARG(step->text),
                     SV_ARG(buf_view(&run->said)));
        buf_consume(&run->said, step->text.n);
        return;
    case 'S':
        say(run, step->text, size ? size : step->text.n);
        return;
    case 'T':
        smtp_client_tls_started(run->client);
        break;
    case 'X':
        smtp_client_eof(run->client);
        break;
    }
    settle(run);
}

static void end_story(struct run *run)
{
    enum smtp_client_event last = smtp_client_next(run->client);
    assert_true(last == SMTP_CLIENT_FAILED || last == SMTP_CLIENT_CLOSED);
    assert_int_equal(smtp_client_next(run->client), last);
    assert_int_equal(smtp_client_output(run->client).n, 0);
    if (last == SMTP_CLIENT_FAILED)
        on_failed(run);
    else
        tell_story(run, "closed");
}

static void perform(const struct dialogue *dialogue, size_t size)
{
    struct smtp_client_options options = {
        .security = dialogue->security, .helo = SV("me.example.org"), .auth = dialogue->mechanism != NULL};
    struct run run = {.dialogue = dialogue,
                      .client = smtp_client_new(&options),
                      .story = BUF_INIT(4096),
                      .said = BUF_INIT(65536)};
    for (size_t i = 0; i < STEPS_MAX && dialogue->steps[i].kind; i++)
        take_step(&run, &dialogue->steps[i], size);
    end_story(&run);
    buf_put_char(&run.story, '\0');
    if (dialogue->story && strcmp(buf_view(&run.story).p, dialogue->story) != 0)
        fail_msg("%s (%zu):\n  expected %s\n  got      %s\n  %s", dialogue->name, size, dialogue->story,
                 buf_view(&run.story).p, smtp_client_failure(run.client)->cause);
    /* With no story the two ways of feeding may end at different points, but never later than MAIL. */
    if (!dialogue->story)
        assert_null(strstr(buf_view(&run.story).p, "mail"));
    else if (buf_view(&run.said).n > 0)
        fail_msg("%s: said more: \"%.*s\"", dialogue->name, SV_ARG(buf_view(&run.said)));
    const struct err *failure = smtp_client_failure(run.client);
    if (dialogue->cause && !strstr(failure->cause, dialogue->cause))
        fail_msg("%s: the cause is \"%s\"", dialogue->name, failure->cause);
    assert_null(strstr(failure->cause, secret));
    assert_int_equal(smtp_client_uncertain(run.client), dialogue->uncertain);
    smtp_client_free(run.client);
    buf_free(&run.story);
    buf_free(&run.said);
}

static void each_dialogue_goes_as_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof dialogues / sizeof *dialogues; i++)
        perform(&dialogues[i], 0);
}

static void each_dialogue_goes_the_same_a_byte_at_a_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof dialogues / sizeof *dialogues; i++)
        perform(&dialogues[i], 1);
}

static struct smtp_client *greeted(sv hello)
{
    struct smtp_client_options options = {.security = SMTP_SECURITY_TLS, .helo = SV("me.example.org")};
    struct smtp_client *client = smtp_client_new(&options);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_WANT_TLS);
    smtp_client_tls_started(client);
    smtp_client_feed(client, SV("220 hi\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_NEED_IO);
    smtp_client_sent(client, smtp_client_output(client).n);
    smtp_client_feed(client, hello);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_READY);
    return client;
}

static void a_reply_to_what_was_not_sent_yet_ends_the_session(void **state)
{
    (void)state;
    struct smtp_client_options options = {.security = SMTP_SECURITY_NONE, .helo = SV("me.example.org")};
    struct smtp_client *client = smtp_client_new(&options);
    smtp_client_feed(client, SV("220 hi\r\n250 x\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_FAILED);
    assert_non_null(strstr(smtp_client_failure(client)->cause, "250 x is no answer"));
    smtp_client_free(client);
}

static void what_ehlo_offers_is_known(void **state)
{
    (void)state;
    struct smtp_client *client =
        greeted(SV("250-mx.example.org at your service\r\n250-size 1048576\r\n"
                   "250-AUTH LOGIN PLAIN\r\n250-AUTH=LOGIN XOAUTH2 bad!word\r\n250-X-OTHER\r\n"
                   "250 EnhancedStatusCodes\r\n"));
    assert_int_equal(smtp_client_extensions(client),
                     SMTP_EXT_SIZE | SMTP_EXT_AUTH | SMTP_EXT_ENHANCEDSTATUSCODES);
    assert_int_equal(smtp_client_size_limit(client), 1048576);
    assert_true(sv_eq(smtp_client_mechanisms(client), SV("LOGIN PLAIN XOAUTH2")));
    assert_true(sv_eq(smtp_client_peer_name(client), SV("mx.example.org")));
    assert_true(smtp_client_encrypted(client));
    smtp_client_free(client);
}

static const struct {
    sv reply;
    int enhanced[3];
    const char *text;
} answers[] = {
    {SV_INIT("550 5.1.1 no\r\n"), {5, 1, 1}, "5.1.1 no"},
    {SV_INIT("550-5.1.1 no\r\n550 5.1.1 such\r\n"), {5, 1, 1}, "5.1.1 no\n5.1.1 such"},
    {SV_INIT("550 4.1.1 other class\r\n"), {0}, "4.1.1 other class"},
    {SV_INIT("550 5.1 short\r\n"), {0}, "5.1 short"},
    {SV_INIT("550 5.1.1.1 long\r\n"), {0}, "5.1.1.1 long"},
    {SV_INIT("550 5.1.9999 big\r\n"), {0}, "5.1.9999 big"},
    {SV_INIT("550\r\n"), {0}, ""},
    {SV_INIT("550 a\x1b[2Jb\0c\rd\r\n"), {0}, "a?[2Jb?c?d"},
    {SV_INIT("550 caf\xc3\xa9\r\n"), {0}, "caf\xc3\xa9"},
    {SV_INIT("550 caf\xe9\r\n"), {0}, "caf?"},
    {SV_INIT("550 a\xc2\x9b"
             "b\r\n"),
     {0},
     "a??b"},
};

static void an_answer_is_harmless_to_show(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct smtp_client *client = greeted(SV("250 mx\r\n"));
        struct err err;
        assert_int_equal(smtp_client_send(client, &note, &err), 0);
        smtp_client_sent(client, smtp_client_output(client).n);
        smtp_client_feed(client, answers[i].reply);
        assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
        const struct smtp_answer *answer = smtp_client_answer(client);
        assert_int_equal(answer->code, 550);
        assert_memory_equal(answer->enhanced, answers[i].enhanced, sizeof answer->enhanced);
        assert_string_equal(answer->text, answers[i].text);
        smtp_client_free(client);
    }
}

static void a_long_answer_is_cut_at_a_character(void **state)
{
    (void)state;
    struct buf reply = BUF_INIT(8192);
    buf_put(&reply, SV("550 x"));
    for (size_t i = 0; i < 600; i++)
        buf_put(&reply, SV("\xc3\xa9"));
    buf_put(&reply, SV("\r\n"));
    struct smtp_client *client = greeted(SV("250 mx\r\n"));
    struct err err;
    assert_int_equal(smtp_client_send(client, &note, &err), 0);
    smtp_client_sent(client, smtp_client_output(client).n);
    smtp_client_feed(client, buf_view(&reply));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    const char *text = smtp_client_answer(client)->text;
    assert_int_equal(strlen(text), SMTP_REPLY_TEXT_MAX - 1);
    assert_true(sv_utf8(sv_of(text)));
    smtp_client_free(client);
    buf_free(&reply);
}

/* Up to BODY with a content, one recipient and no PIPELINING. */
static struct smtp_client *ready_for_body(const struct smtp_envelope *envelope)
{
    struct smtp_client *client = greeted(SV("250 mx\r\n"));
    struct err err;
    assert_int_equal(smtp_client_send(client, envelope, &err), 0);
    for (const char *const *reply = (const char *const[]){"250 a\r\n", "250 b\r\n", "354 c\r\n", NULL};
         *reply; reply++) {
        smtp_client_sent(client, smtp_client_output(client).n);
        smtp_client_feed(client, sv_of(*reply));
        while (smtp_client_next(client) != SMTP_CLIENT_NEED_IO)
            ;
    }
    assert_int_equal(smtp_client_stage(client), SMTP_STAGE_BODY);
    return client;
}

/* RFC 2033 §4.2. */
static void lmtp_answers_for_each_recipient_after_the_dot(void **state)
{
    (void)state;
    struct smtp_client *client = smtp_client_new(&(struct smtp_client_options){
        .security = SMTP_SECURITY_NONE, .helo = SV("me.example.org"), .lmtp = true});
    smtp_client_feed(client, SV("220 mx LMTP\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_true(sv_eq(smtp_client_output(client), SV("LHLO me.example.org\r\n")));
    smtp_client_sent(client, smtp_client_output(client).n);
    smtp_client_feed(client, SV("250-mx\r\n250 PIPELINING\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_READY);
    static const struct smtp_recipient three[] = {{.address = SV_INIT("a@example.org")},
                                                  {.address = SV_INIT("b@example.org")},
                                                  {.address = SV_INIT("c@example.org")}};
    struct smtp_envelope envelope = {
        .sender = SV("v@example.org"), .recipients = three, .recipient_count = 3, .content = SV("x\r\n")};
    assert_int_equal(smtp_client_send(client, &envelope, NULL), 0);
    smtp_client_sent(client, smtp_client_output(client).n);
    smtp_client_feed(client, SV("250 ok\r\n250 a\r\n550 b\r\n250 c\r\n354 go\r\n"));
    enum smtp_client_event event;
    while ((event = smtp_client_next(client)) != SMTP_CLIENT_NEED_IO)
        assert_true(event == SMTP_CLIENT_ANSWER || event == SMTP_CLIENT_RECIPIENT);
    smtp_client_sent(client, smtp_client_output(client).n);
    assert_true(smtp_client_uncertain(client));
    smtp_client_feed(client, SV("452 4.2.2 full\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_RECIPIENT);
    assert_int_equal(smtp_client_recipient(client), 0);
    assert_int_equal(smtp_client_answer(client)->code, 452);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_NEED_IO);
    assert_true(smtp_client_uncertain(client)); /* the other one's answer is still owed */
    smtp_client_feed(client, SV("250 2.0.0 kept\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_RECIPIENT);
    assert_int_equal(smtp_client_recipient(client), 2);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_SENT);
    assert_int_equal(smtp_client_answer(client)->code, 250);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_READY);
    assert_false(smtp_client_uncertain(client));
    smtp_client_free(client);
}

static void a_long_content_goes_in_pieces_and_only_the_last_makes_it_uncertain(void **state)
{
    (void)state;
    struct buf content = BUF_INIT(1 << 20), sent = BUF_INIT(1 << 20);
    for (size_t i = 0; i < 20000; i++)
        buf_put(&content, SV(".0123456789 line\r\n"));
    struct smtp_envelope envelope = note;
    envelope.content = buf_view(&content);
    struct smtp_client *client = ready_for_body(&envelope);
    for (sv piece; (piece = smtp_client_output(client)).n;) {
        bool last = sv_ends(piece, SV("\r\n.\r\n"));
        assert_true(piece.n <= 64 * 1024 && !smtp_client_uncertain(client));
        buf_put(&sent, piece);
        smtp_client_sent(client, 1);
        assert_int_equal(smtp_client_uncertain(client), last);
        smtp_client_sent(client, piece.n - 1);
    }
    assert_int_equal(buf_view(&sent).n, buf_view(&content).n + 20000 + 3);
    assert_true(smtp_client_uncertain(client));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_NEED_IO);
    assert_int_equal(smtp_client_stage(client), SMTP_STAGE_DOT);
    smtp_client_feed(client, SV("250 ok\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_SENT);
    assert_false(smtp_client_uncertain(client));
    smtp_client_free(client);
    buf_free(&content);
    buf_free(&sent);
}

static void a_refusal_in_the_middle_of_the_content_is_a_certain_failure(void **state)
{
    (void)state;
    static const struct {
        sv reply;
        bool answered;
    } cases[] = {{SV_INIT("552 5.3.4 enough\r\n"), true},
                 {SV_INIT("421 bye\r\n"), true},
                 {SV_INIT("250 ok\r\n"), false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct smtp_client *client = ready_for_body(&note);
        smtp_client_sent(client, 0);
        smtp_client_feed(client, cases[i].reply);
        assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
        assert_int_equal(smtp_client_next(client), SMTP_CLIENT_FAILED);
        assert_int_equal(smtp_client_failure_answered(client), cases[i].answered);
        assert_int_equal(smtp_client_stage(client), SMTP_STAGE_BODY);
        assert_false(smtp_client_uncertain(client));
        smtp_client_free(client);
    }
}

/* Each would be an attack or a broken message at the other end. */
static const struct {
    struct smtp_envelope envelope;
    const char *cause;
} unfit[] = {
    {{.sender = SV_INIT("a@b>\r\nRCPT TO:<c@d"), .recipients = one, .recipient_count = 1}, "angle bracket"},
    {{.sender = SV_INIT("a@b\nc"), .recipients = one, .recipient_count = 1}, "control character"},
    {{.sender = SV_INIT("v@example.org"), .recipients = one, .recipient_count = 0},
     "1 to 100 recipients, not 0"},
    {{.recipients = (const struct smtp_recipient[]){{.address = SV_INIT("a@b>\r\nRCPT TO:<c@d")}},
      .recipient_count = 1},
     "angle bracket"},
    {{.recipients = (const struct smtp_recipient[]){{.address = SV_INIT("")}}, .recipient_count = 1},
     "is empty"},
    {{.recipients =
          (const struct smtp_recipient[]){{.address = SV_INIT("a@b"), .notify = SV_INIT("NEVER,FAILURE")}},
      .recipient_count = 1},
     "delivery reports"},
    {{.recipients =
          (const struct smtp_recipient[]){{.address = SV_INIT("a@b"), .notify = SV_INIT("DELAY SIZE=1")}},
      .recipient_count = 1},
     "delivery reports"},
    {{.recipients = (const struct smtp_recipient[]){{.address = SV_INIT("a@b"), .orcpt = SV_INIT("a\r\nb")}},
      .recipient_count = 1},
     "control character"},
    {{.recipients = one, .recipient_count = 1, .envid = SV_INIT("a\nb")}, "control character"},
    {{.recipients = one, .recipient_count = 1, .content = SV_INIT("x\r\n.\n")}, "line 2 has an LF"},
    {{.recipients = one, .recipient_count = 1, .content = SV_INIT("x\r.\r\n")}, "line 1 has a CR"},
    {{.recipients = one, .recipient_count = 1, .content = SV_INIT("x\0\r\n")}, "NUL"},
    {{.recipients = one, .recipient_count = 1, .content = SV_INIT("caf\xc3\xa9\r\n")}, "8BITMIME"},
};

static void an_envelope_that_is_unfit_is_refused_before_a_byte_is_said(void **state)
{
    (void)state;
    struct smtp_client *client = greeted(SV("250-mx\r\n250-PIPELINING\r\n250 DSN\r\n"));
    for (size_t i = 0; i < sizeof unfit / sizeof *unfit; i++) {
        struct err err = {0};
        assert_int_equal(smtp_client_send(client, &unfit[i].envelope, &err), -1);
        if (!strstr(err.cause, unfit[i].cause))
            fail_msg("%zu: %s", i, err.cause);
        assert_true(sv_printable(sv_of(err.cause)));
        assert_int_equal(smtp_client_output(client).n, 0);
        assert_int_equal(smtp_client_next(client), SMTP_CLIENT_NEED_IO);
        assert_int_equal(smtp_client_stage(client), SMTP_STAGE_READY);
    }
    smtp_client_free(client);
}

static void a_hundred_recipients_of_full_length_fit_one_group(void **state)
{
    (void)state;
    struct smtp_client *client = greeted(SV("250-mx\r\n250-PIPELINING\r\n250 DSN\r\n"));
    char address[254], orcpt[160];
    memset(address, 'a', sizeof address);
    address[1] = '@';
    for (size_t i = 50; i < sizeof address; i += 50)
        address[i] = '.';
    memset(orcpt, '+', sizeof orcpt);
    struct smtp_recipient recipients[SMTP_RECIPIENTS_MAX];
    for (size_t i = 0; i < SMTP_RECIPIENTS_MAX; i++)
        recipients[i] = (struct smtp_recipient){.address = {address, sizeof address},
                                                .notify = SV("SUCCESS,FAILURE,DELAY"),
                                                .orcpt = {orcpt, sizeof orcpt}};
    struct smtp_envelope envelope = {.sender = {address, sizeof address},
                                     .recipients = recipients,
                                     .recipient_count = SMTP_RECIPIENTS_MAX};
    struct err err;
    assert_int_equal(smtp_client_send(client, &envelope, &err), 0);
    sv out = smtp_client_output(client);
    assert_true(sv_ends(out, SV("\r\nDATA\r\n")) && out.n > SMTP_RECIPIENTS_MAX * sizeof address);
    smtp_client_sent(client, out.n);
    for (size_t i = 0; i < SMTP_RECIPIENTS_MAX + 1; i++)
        smtp_client_feed(client, SV("250 ok\r\n"));
    smtp_client_feed(client, SV("354 go\r\n"));
    size_t told = 0;
    for (enum smtp_client_event event; (event = smtp_client_next(client)) != SMTP_CLIENT_NEED_IO;)
        if (event == SMTP_CLIENT_RECIPIENT)
            assert_int_equal(smtp_client_recipient(client), told++);
    assert_int_equal(told, SMTP_RECIPIENTS_MAX);
    assert_true(sv_eq(smtp_client_output(client), SV(".\r\n")));
    smtp_client_free(client);
}

/* The client's first message has a nonce, so this is no row of the table. */
static void success_without_scrams_proof_is_not_believed(void **state)
{
    (void)state;
    struct smtp_client_options options = {
        .security = SMTP_SECURITY_NONE, .helo = SV("me.example.org"), .auth = true};
    struct smtp_client *client = smtp_client_new(&options);
    smtp_client_feed(client, SV("220 hi\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    smtp_client_sent(client, smtp_client_output(client).n);
    smtp_client_feed(client, SV("250-mx\r\n250 AUTH PLAIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_WANT_CREDENTIALS);
    smtp_client_authenticate(client,
                             &(struct smtp_credentials){.username = SV("user"), .secret = sv_of(secret)});
    sv out = smtp_client_output(client);
    assert_true(sv_starts(out, SV("AUTH SCRAM-SHA-256 ")));
    smtp_client_sent(client, out.n);
    smtp_client_feed(client, SV("235 welcome\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_FAILED);
    assert_non_null(strstr(smtp_client_failure(client)->cause, "without proof"));
    smtp_client_free(client);
}

static void tls_from_the_first_byte_comes_before_the_banner(void **state)
{
    (void)state;
    struct smtp_client_options options = {.security = SMTP_SECURITY_TLS, .helo = SV("me.example.org")};
    for (int clear = 0; clear < 2; clear++) {
        struct smtp_client *client = smtp_client_new(&options);
        assert_int_equal(smtp_client_next(client), SMTP_CLIENT_WANT_TLS);
        assert_int_equal(smtp_client_next(client), SMTP_CLIENT_NEED_IO);
        assert_int_equal(smtp_client_stage(client), SMTP_STAGE_TLS);
        assert_int_equal(smtp_client_output(client).n, 0);
        assert_false(smtp_client_encrypted(client));
        if (!clear)
            smtp_client_tls_started(client);
        smtp_client_feed(client, SV("220 hi\r\n"));
        assert_int_equal(smtp_client_next(client), clear ? SMTP_CLIENT_FAILED : SMTP_CLIENT_ANSWER);
        assert_int_equal(smtp_client_stage(client), clear ? SMTP_STAGE_TLS : SMTP_STAGE_BANNER);
        smtp_client_free(client);
    }
}

static void an_idle_session_that_the_gateway_ends_has_failed(void **state)
{
    (void)state;
    struct smtp_client *client = greeted(SV("250 mx\r\n"));
    smtp_client_feed(client, SV("421 4.4.2 idle too long\r\n"));
    smtp_client_eof(client);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_stage(client), SMTP_STAGE_READY);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_FAILED);
    assert_true(smtp_client_failure_answered(client));
    assert_int_equal(smtp_client_answer(client)->code, 421);
    struct err err;
    assert_int_equal(smtp_client_send(client, &note, &err), -1);
    assert_non_null(strstr(err.cause, "421"));
    smtp_client_quit(client);
    assert_int_equal(smtp_client_output(client).n, 0);
    smtp_client_free(client);
}

static void quit_waits_until_nothing_is_under_way(void **state)
{
    (void)state;
    struct smtp_client *client = ready_for_body(&note);
    smtp_client_quit(client);
    struct err err;
    assert_int_equal(smtp_client_send(client, &note, &err), -1);
    sv out = smtp_client_output(client);
    assert_true(sv_ends(out, SV("\r\n.\r\n")));
    smtp_client_sent(client, out.n);
    smtp_client_feed(client, SV("250 queued\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_SENT);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_NEED_IO);
    assert_true(sv_eq(smtp_client_output(client), SV("QUIT\r\n")));
    smtp_client_eof(client);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_CLOSED);
    smtp_client_free(client);
}

static void a_token_too_long_for_the_command_waits_for_the_go(void **state)
{
    (void)state;
    char token[2000];
    memset(token, 't', sizeof token);
    struct smtp_client_options options = {
        .security = SMTP_SECURITY_TLS, .helo = SV("me.example.org"), .auth = true};
    struct smtp_client *client = smtp_client_new(&options);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_WANT_TLS);
    smtp_client_tls_started(client);
    smtp_client_feed(client, SV("220 hi\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    smtp_client_sent(client, smtp_client_output(client).n);
    smtp_client_feed(client, SV("250-mx\r\n250 AUTH XOAUTH2\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_WANT_CREDENTIALS);
    smtp_client_authenticate(client, &(struct smtp_credentials){.username = SV("user"),
                                                                .secret = {token, sizeof token},
                                                                .mechanism = SV("XOAUTH2")});
    assert_true(sv_eq(smtp_client_output(client), SV("AUTH XOAUTH2\r\n")));
    smtp_client_sent(client, smtp_client_output(client).n);
    smtp_client_feed(client, SV("334 \r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    sv out = smtp_client_output(client);
    assert_true(out.n > sizeof token && sv_ends(out, SV("\r\n")));
    smtp_client_sent(client, out.n);
    smtp_client_feed(client, SV("235 ok\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_READY);
    smtp_client_free(client);
}

static void a_name_for_ehlo_that_is_no_name_fails_the_session(void **state)
{
    (void)state;
    static const sv names[] = {SV_INIT(""), SV_INIT("a b"), SV_INIT("a\r\nMAIL FROM:<>")};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct smtp_client_options options = {.security = SMTP_SECURITY_NONE, .helo = names[i]};
        struct smtp_client *client = smtp_client_new(&options);
        assert_int_equal(smtp_client_next(client), SMTP_CLIENT_FAILED);
        assert_int_equal(smtp_client_output(client).n, 0);
        smtp_client_free(client);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_dialogue_goes_as_written),
        cmocka_unit_test(each_dialogue_goes_the_same_a_byte_at_a_time),
        cmocka_unit_test(a_reply_to_what_was_not_sent_yet_ends_the_session),
        cmocka_unit_test(what_ehlo_offers_is_known),
        cmocka_unit_test(an_answer_is_harmless_to_show),
        cmocka_unit_test(a_long_answer_is_cut_at_a_character),
        cmocka_unit_test(lmtp_answers_for_each_recipient_after_the_dot),
        cmocka_unit_test(a_long_content_goes_in_pieces_and_only_the_last_makes_it_uncertain),
        cmocka_unit_test(a_refusal_in_the_middle_of_the_content_is_a_certain_failure),
        cmocka_unit_test(an_envelope_that_is_unfit_is_refused_before_a_byte_is_said),
        cmocka_unit_test(a_hundred_recipients_of_full_length_fit_one_group),
        cmocka_unit_test(success_without_scrams_proof_is_not_believed),
        cmocka_unit_test(tls_from_the_first_byte_comes_before_the_banner),
        cmocka_unit_test(an_idle_session_that_the_gateway_ends_has_failed),
        cmocka_unit_test(quit_waits_until_nothing_is_under_way),
        cmocka_unit_test(a_token_too_long_for_the_command_waits_for_the_go),
        cmocka_unit_test(a_name_for_ehlo_that_is_no_name_fails_the_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
