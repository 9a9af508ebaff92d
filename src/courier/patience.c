#include "courier/patience.h"

#define SECONDS(n) ((n)*NANOS_PER_SECOND)

nanos patience_to_connect(bool another_up)
{
    return another_up ? SECONDS(5) : SECONDS(300);
}

nanos patience_for(enum smtp_stage stage, nanos configured, bool another_up)
{
    if (configured)
        return configured;
    if (another_up)
        return SECONDS(10) - NANOS_PER_SECOND / 2;
    switch (stage) {
    case SMTP_STAGE_BANNER:
    case SMTP_STAGE_EHLO:
    case SMTP_STAGE_STARTTLS:
    case SMTP_STAGE_TLS:
    case SMTP_STAGE_AUTH:
    case SMTP_STAGE_READY:
    case SMTP_STAGE_MAIL:
    case SMTP_STAGE_RCPT:
    case SMTP_STAGE_RSET:
        return SECONDS(300);
    case SMTP_STAGE_DATA:
        return SECONDS(120);
    case SMTP_STAGE_BODY:
        return SECONDS(180);
    case SMTP_STAGE_DOT:
        return SECONDS(600);
    case SMTP_STAGE_QUIT:
    case SMTP_STAGE_CLOSED:
        return SECONDS(2);
    }
    return SECONDS(300);
}
