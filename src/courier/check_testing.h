/* Checks against a gateway that follows a script, for tests. Not part of the program. */
#ifndef VEDETTE_COURIER_CHECK_TESTING_H
#define VEDETTE_COURIER_CHECK_TESTING_H

#include "courier/advice.h"

struct check_scene {
    const char *name;
    enum smtp_security security;
    int certificate; /* 0: no TLS at all; else CHECK_CERT_… */
    /* What it answers; NULL: the ordinary, "" : nothing, "!": it hangs up. The banner "tls": TLS first. */
    const char *banner, *ehlo, *starttls, *auth, *mail, *rcpt, *dot;
    const char *offer; /* more lines of EHLO's reply, "250-AUTH PLAIN\r\n" */
    bool username, no_password, guess, send, landing, junk, pinned;
    const char *sender;    /* NULL: vedette@example.org */
    const char *recipient; /* NULL: soc@example.org */
    const char *ca_file;   /* "none": one that is not there */
    const char *host;
    int dns[2];       /* resolvers: 1 + enum testing_dns_manner; 0: one that is not there */
    bool pins_itself; /* the pin is the gateway's own */
    bool once;        /* listens until the first session */
    bool no_recipient;
    bool absent;   /* nobody listens */
    bool unpinned; /* no address is given, only host */
    enum check_state verdict;
    enum check_hop_id hop; /* of the decisive note */
    enum advice row;       /* ADVICE_NONE with CHECK_OK */
    const char *says;      /* in the decisive text */
};

enum {
    CHECK_CERT_GOOD = 1,
    CHECK_CERT_SOON,
    CHECK_CERT_EXPIRED,
    CHECK_CERT_SELF,
    CHECK_CERT_OTHER,
    CHECK_CERTS
};

extern const struct check_scene check_scenes[];
extern const size_t check_scene_count;

int check_scenes_open(void **state);
int check_scenes_close(void **state);

/* Runs the check and holds it against what the scene wants. Returns the decisive row. */
enum advice check_scene_run(const struct check_scene *scene);

/* Starts it and frees it once so many hops were told. */
void check_scene_abandon(const struct check_scene *scene, size_t hops);

const struct check_scene *check_scene_named(const char *name);

/* What the last run showed: its transcript, what the gateway heard, and how long the check took. */
const char *check_scene_transcript(void);
const char *check_scene_heard(void);
nanos check_scene_took(void);
nanos check_scene_cpu(void);                         /* of the processor, the gateway's part included */
bool check_scene_told(enum advice row);              /* not only as the decisive one */
enum check_hop_id check_scene_hop(size_t index);     /* in the order in which they were told */
const struct check_report *check_scene_report(void); /* its texts are gone */

#endif
