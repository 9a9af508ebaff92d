#include "courier/path_private.h"

/* A gateway that fell silent for a while has often forgotten the sessions that it had then, and RFC 5321's
 * minutes of patience would be spent on nothing. Where messages have no other way, a session of its own, the
 * scout, asks every few seconds whether the gateway answers again. When it does, what waits in the silent
 * sessions goes over those that answer. */

static const nanos SILENT_AFTER = 10 * NANOS_PER_SECOND;
static const nanos FORGOTTEN_AFTER = 20 * NANOS_PER_SECOND;
static const nanos LOOK_EVERY = 2 * NANOS_PER_SECOND;

static bool waits_for_answer(const struct slot *slot)
{
    return slot->delivery || slot_is_connecting(slot);
}

static bool is_silent(const struct slot *slot)
{
    return waits_for_answer(slot) && loop_monotonic() - slot->moved_at > SILENT_AFTER;
}

static bool answered_others_since(const struct slot *slot)
{
    return slot->path->answered_at > slot->moved_at;
}

static void drop(struct slot *slot)
{
    slot_unlink(slot);
    slot_free(slot);
}

/* Those that still hope for a greeting, with nothing to send, while others were greeted; and old scouts. */
static void drop_the_idle_silent(struct path *path)
{
    for (struct slot *slot = path->slots, *next; slot; slot = next) {
        next = slot->next;
        if (!slot->delivery && is_silent(slot) && (slot->scout || answered_others_since(slot)))
            drop(slot);
    }
}

static bool needs_scout(const struct path *path)
{
    bool silent = false;
    for (const struct slot *slot = path->slots; slot; slot = slot->next) {
        if (slot->scout && slot_is_connecting(slot))
            return false;
        silent = silent || (is_silent(slot) && !answered_others_since(slot));
    }
    return silent && !path->draining && !path_another_up(path);
}

static void on_look(void *arg)
{
    struct path *path = arg;
    drop_the_idle_silent(path);
    if (needs_scout(path))
        path_open_slot(path, SILENT_AFTER)->scout = true;
    for (struct slot *slot = path->slots; slot; slot = slot->next)
        if (is_silent(slot))
            session_hurry(slot->session);
    path_look_for_silence(path);
}

void path_look_for_silence(struct path *path)
{
    if (!path->silence_timer)
        path->silence_timer = loop_timer_new(path->setup.loop, on_look, path);
    for (const struct slot *slot = path->slots; slot; slot = slot->next)
        if (waits_for_answer(slot) && !loop_timer_pending(path->silence_timer))
            loop_timer_set(path->silence_timer, LOOK_EVERY);
}

/* Before the content giving up costs nothing but another attempt, and only the first attempt is given up so:
 * a gateway that is merely slow with this message gets all the time that it needs for it the next time. */
bool slot_is_forgotten(const struct slot *slot, enum smtp_stage stage)
{
    return slot->sending && stage < SMTP_STAGE_BODY && slot->delivery->messages[0].attempts == 0 &&
           answered_others_since(slot) && loop_monotonic() - slot->moved_at > FORGOTTEN_AFTER;
}
