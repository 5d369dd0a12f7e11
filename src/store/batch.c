/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Rows on their way to the disk.
 *
 * A disk may stall for minutes while lines keep coming. What has a key (a
 * window, a ban, a position, a level, what is allowed or paused) is then only
 * worth its newest state, so it merges, and memory is bounded by what the tracker
 * and the ban engine hold anyway. What has none (events, outbox rows, lines set
 * aside) is kept whole and counted in `bytes`; so are removals and ended bans,
 * for nothing else bounds how many of them pile up.
 *
 * batch_absorb() lays a newer batch over an older one. The same function serves
 * submissions that queue up and commits that have failed, and its cost is that
 * of the newer batch only.
 *
 * Out of memory here would lose a row whose position is committed, which a
 * crash would not: the lines are read again. So it aborts.
 */

#include "store/private.h"

static void *take(size_t size)
{
        void *memory = calloc(1, size);

        if (!memory)
                abort();
        return memory;
}

static size_t text_bytes(const char *text)
{
        return text ? strlen(text) + 1 : 0;
}

/* Copies a text to where @cursor points, and moves it on. */
static const char *pack(char **cursor, const char *text)
{
        size_t size = text_bytes(text);
        char *copy = *cursor;

        if (size == 0)
                return NULL;
        memcpy(copy, text, size);
        *cursor += size;
        return copy;
}

Batch *batch_new(void)
{
        Batch *batch = take(sizeof *batch);

        batch->set_aside_tail = &batch->set_aside;
        batch->outbox_tail = &batch->outbox;
        batch->jobs_tail = &batch->jobs;
        return batch;
}

static void ban_free(BatchBan *ban)
{
        free(ban->ban);
        free(ban->how);
        free(ban);
}

static void batch_clear_rows(Batch *batch)
{
        BatchWindow *window, *next_window;
        BatchBan *ban, *next_ban;
        BatchPosition *position, *next_position;
        BatchLevel *level, *next_level;
        BatchAllow *allow, *next_allow;
        BatchPause *pause, *next_pause;

        HASH_ITER (hh, batch->windows, window, next_window) {
                HASH_DEL(batch->windows, window);
                free(window);
        }
        HASH_ITER (hh, batch->bans, ban, next_ban) {
                HASH_DEL(batch->bans, ban);
                ban_free(ban);
        }
        HASH_ITER (hh, batch->positions, position, next_position) {
                HASH_DEL(batch->positions, position);
                free(position);
        }
        HASH_ITER (hh, batch->levels, level, next_level) {
                HASH_DEL(batch->levels, level);
                free(level);
        }
        HASH_ITER (hh, batch->allowed, allow, next_allow) {
                HASH_DEL(batch->allowed, allow);
                free(allow);
        }
        HASH_ITER (hh, batch->paused, pause, next_pause) {
                HASH_DEL(batch->paused, pause);
                free(pause);
        }
        for (BatchSetAside *row; (row = batch->set_aside);) {
                batch->set_aside = row->next;
                free(row);
        }
        for (BatchOutbox *row; (row = batch->outbox);) {
                batch->outbox = row->next;
                free(row);
        }
        batch->set_aside_tail = &batch->set_aside;
        batch->outbox_tail = &batch->outbox;
}

Batch *batch_free(Batch *batch)
{
        if (!batch)
                return NULL;
        batch_clear_rows(batch);
        for (size_t i = 0; i < batch->n_events; i++)
                free((void *) (uintptr_t) batch->events[i].kind);
        free(batch->events);
        for (OutboxJob *job; (job = batch->jobs);) {
                batch->jobs = job->next;
                outbox_job_free(job);
        }
        free(batch);
        return NULL;
}

/**
 * batch_keep_events() - free all but the events and the answered questions, which are yet to be told
 */
void batch_keep_events(Batch *batch)
{
        batch_clear_rows(batch);
        batch->bytes = 0;
}

bool batch_is_empty(const Batch *batch)
{
        return !batch->windows && !batch->bans && !batch->positions && !batch->levels && !batch->allowed && !batch->paused &&
               !batch->set_aside && !batch->outbox && !batch->jobs && batch->n_events == 0;
}

static void window_add(Batch *batch, BatchWindow *window)
{
        BatchWindow *old;

        HASH_FIND(hh, batch->windows, &window->key, sizeof window->key, old);
        if (old) {
                HASH_DEL(batch->windows, old);
                batch->bytes -= old->bytes;
                free(old);
        }
        HASH_ADD(hh, batch->windows, key, sizeof window->key, window);
        batch->bytes += window->bytes;
}

void batch_put_window(Batch *batch, const WindowRecord *record)
{
        size_t size = sizeof(BatchWindow) + record->n_entries * sizeof(WindowEntry);
        BatchWindow *window;
        WindowEntry *entries;
        char *cursor;

        for (size_t i = 0; i < record->n_entries; i++)
                size += text_bytes(record->entries[i].rule) + text_bytes(record->entries[i].text);
        window = take(size);
        window->key.addr = record->addr;
        strncpy(window->key.jail, record->jail, sizeof window->key.jail - 1);
        window->record = (WindowRecord){ .jail = window->key.jail, .addr = record->addr, .n_entries = record->n_entries };
        entries = (WindowEntry *) (window + 1);
        cursor = (char *) (entries + record->n_entries);
        for (size_t i = 0; i < record->n_entries; i++) {
                entries[i] = record->entries[i];
                entries[i].rule = pack(&cursor, record->entries[i].rule);
                entries[i].text = pack(&cursor, record->entries[i].text);
        }
        window->record.entries = entries;
        window->bytes = record->n_entries == 0 ? size : 0;
        window_add(batch, window);
}

static Ban *ban_copy(const Ban *ban)
{
        size_t size = sizeof *ban + ban->n_evidence * sizeof(Evidence) + ban->n_ports * sizeof(Port) + text_bytes(ban->jail) +
                      text_bytes(ban->rule) + text_bytes(ban->reason);
        Evidence *evidence;
        Port *ports;
        char *cursor;
        Ban *copy;

        for (size_t i = 0; i < ban->n_evidence; i++)
                size += text_bytes(ban->evidence[i].rule) + text_bytes(ban->evidence[i].text);
        copy = take(size);
        *copy = *ban;
        evidence = (Evidence *) (copy + 1);
        ports = (Port *) (evidence + ban->n_evidence);
        cursor = (char *) (ports + ban->n_ports);
        if (ban->n_ports > 0)
                memcpy(ports, ban->ports, ban->n_ports * sizeof *ports);
        copy->ports = ban->n_ports > 0 ? ports : NULL;
        copy->evidence = evidence;
        copy->jail = pack(&cursor, ban->jail);
        copy->rule = pack(&cursor, ban->rule);
        copy->reason = pack(&cursor, ban->reason);
        for (size_t i = 0; i < ban->n_evidence; i++)
                evidence[i] = (Evidence){ .time = ban->evidence[i].time,
                                          .rule = pack(&cursor, ban->evidence[i].rule),
                                          .text = pack(&cursor, ban->evidence[i].text) };
        return copy;
}

static size_t ban_bytes(const BatchBan *row)
{
        size_t size = sizeof *row + text_bytes(row->how);

        if (row->ended.usec == EVENT_TIME_NONE.usec)
                return 0;
        if (row->ban) {
                size += sizeof *row->ban + text_bytes(row->ban->reason);
                for (size_t i = 0; i < row->ban->n_evidence; i++)
                        size += sizeof(Evidence) + text_bytes(row->ban->evidence[i].text);
        }
        return size;
}

/* A newer row for the same ban: its state wins; an end alone is added to the state that is there. */
static void ban_add(Batch *batch, BatchBan *row)
{
        BatchBan *old;

        HASH_FIND(hh, batch->bans, &row->id, sizeof row->id, old);
        if (old) {
                if (!row->ban)
                        row->ban = steal(old->ban);
                HASH_DEL(batch->bans, old);
                batch->bytes -= old->bytes;
                ban_free(old);
        }
        row->bytes = ban_bytes(row);
        HASH_ADD(hh, batch->bans, id, sizeof row->id, row);
        batch->bytes += row->bytes;
}

void batch_put_ban(Batch *batch, const Ban *ban)
{
        BatchBan *row = take(sizeof *row);

        row->id = ban->id;
        row->ban = ban_copy(ban);
        ban_add(batch, row);
}

void batch_end_ban(Batch *batch, uint64_t id, EventTime time, const char *how)
{
        BatchBan *row = take(sizeof *row);

        row->id = id;
        row->ended = time;
        row->how = strdup(how);
        if (!row->how)
                abort();
        ban_add(batch, row);
}

static void position_add(Batch *batch, BatchPosition *position)
{
        BatchPosition *old;

        HASH_FIND(hh, batch->positions, position->record.source, strlen(position->record.source), old);
        if (old) {
                HASH_DEL(batch->positions, old);
                free(old);
        }
        HASH_ADD_KEYPTR(hh, batch->positions, position->record.source, strlen(position->record.source), position);
}

void batch_put_position(Batch *batch, const PositionRecord *record)
{
        BatchPosition *row = take(sizeof *row + text_bytes(record->source) + text_bytes(record->position));
        char *cursor = (char *) (row + 1);

        row->record.source = pack(&cursor, record->source);
        row->record.position = pack(&cursor, record->position);
        row->record.time = record->time;
        position_add(batch, row);
}

static void level_add(Batch *batch, BatchLevel *level)
{
        BatchLevel *old;

        HASH_FIND(hh, batch->levels, &level->key, sizeof level->key, old);
        if (old) {
                HASH_DEL(batch->levels, old);
                batch->bytes -= old->bytes;
                free(old);
        }
        HASH_ADD(hh, batch->levels, key, sizeof level->key, level);
        batch->bytes += level->bytes;
}

void batch_put_level(Batch *batch, const LevelRecord *record)
{
        BatchLevel *row = take(sizeof *row);

        row->key.addr = record->addr;
        strncpy(row->key.jail, record->jail, sizeof row->key.jail - 1);
        row->record = *record;
        row->record.jail = row->key.jail;
        row->bytes = record->forgotten.usec == EVENT_TIME_NONE.usec ? sizeof *row : 0;
        level_add(batch, row);
}

static void allow_add(Batch *batch, BatchAllow *allow)
{
        BatchAllow *old;

        HASH_FIND(hh, batch->allowed, &allow->record.addr, sizeof allow->record.addr, old);
        if (old) {
                HASH_DEL(batch->allowed, old);
                batch->bytes -= old->bytes;
                free(old);
        }
        HASH_ADD(hh, batch->allowed, record.addr, sizeof allow->record.addr, allow);
        batch->bytes += allow->bytes;
}

void batch_put_allow(Batch *batch, const AllowRecord *record)
{
        size_t size = sizeof(BatchAllow) + text_bytes(record->reason) + text_bytes(record->by);
        BatchAllow *row = take(size);
        char *cursor = (char *) (row + 1);

        row->record = *record;
        row->record.reason = pack(&cursor, record->reason);
        row->record.by = pack(&cursor, record->by);
        row->bytes = record->until.usec == EVENT_TIME_NONE.usec ? size : 0;
        allow_add(batch, row);
}

static void pause_add(Batch *batch, BatchPause *pause)
{
        BatchPause *old;

        HASH_FIND(hh, batch->paused, pause->record.jail, strlen(pause->record.jail), old);
        if (old) {
                HASH_DEL(batch->paused, old);
                free(old);
        }
        HASH_ADD_KEYPTR(hh, batch->paused, pause->record.jail, strlen(pause->record.jail), pause);
}

void batch_put_pause(Batch *batch, const PauseRecord *record)
{
        BatchPause *row = take(sizeof *row + text_bytes(record->jail) + text_bytes(record->by));
        char *cursor = (char *) (row + 1);

        row->record.jail = pack(&cursor, record->jail);
        row->record.by = pack(&cursor, record->by);
        row->record.time = record->time;
        pause_add(batch, row);
}

void batch_put_set_aside(Batch *batch, const SetAsideRecord *record)
{
        size_t size =
                sizeof(BatchSetAside) + text_bytes(record->source) + text_bytes(record->position) + text_bytes(record->text);
        BatchSetAside *row = take(size);
        char *cursor = (char *) (row + 1);

        row->record.source = pack(&cursor, record->source);
        row->record.position = pack(&cursor, record->position);
        row->record.text = pack(&cursor, record->text);
        row->record.time = record->time;
        *batch->set_aside_tail = row;
        batch->set_aside_tail = &row->next;
        batch->bytes += size;
}

void batch_put_outbox(Batch *batch, const OutboxRecord *record)
{
        size_t size = sizeof(BatchOutbox) + text_bytes(record->jail);
        BatchOutbox *row = take(size);
        char *cursor = (char *) (row + 1);

        row->record = *record;
        row->record.jail = pack(&cursor, record->jail);
        *batch->outbox_tail = row;
        batch->outbox_tail = &row->next;
        batch->bytes += size;
}

/* Takes the job over. */
void batch_put_job(Batch *batch, OutboxJob *job)
{
        job->next = NULL;
        *batch->jobs_tail = job;
        batch->jobs_tail = &job->next;
}

static size_t event_bytes(const EventRecord *event)
{
        return sizeof *event + text_bytes(event->kind) + text_bytes(event->json);
}

static void event_add(Batch *batch, EventRecord event)
{
        if (batch->n_events == batch->allocated_events) {
                size_t wanted = batch->allocated_events ? batch->allocated_events * 2 : 16;
                EventRecord *events = reallocarray(batch->events, wanted, sizeof *events);
                if (!events)
                        abort();
                batch->events = events;
                batch->allocated_events = wanted;
        }
        batch->events[batch->n_events++] = event;
        batch->bytes += event_bytes(&event);
}

void batch_put_event(Batch *batch, uint64_t id, EventTime time, const char *kind, const char *members)
{
        char when[TIME_TEXT_MAX];
        size_t kind_size = strlen(kind) + 1, size = 2 * kind_size + strlen(members) + TIME_TEXT_MAX + 64;
        char *block = take(size), *json = block + kind_size;

        memcpy(block, kind, kind_size);
        snprintf(json, size - kind_size, "{\"id\":%llu,\"time\":\"%s\",\"event\":\"%s\"%s%s}", (unsigned long long) id,
                 event_time_format(time, when), kind, *members ? "," : "", members);
        event_add(batch, (EventRecord){ .id = id, .time = time, .kind = block, .json = json });
}

/**
 * batch_absorb() - lay a newer batch over an older one
 * @older:      takes all rows
 * @newer:      is emptied and freed
 */
void batch_absorb(Batch *older, Batch *newer)
{
        BatchWindow *window, *next_window;
        BatchBan *ban, *next_ban;
        BatchPosition *position, *next_position;
        BatchLevel *level, *next_level;
        BatchAllow *allow, *next_allow;
        BatchPause *pause, *next_pause;

        HASH_ITER (hh, newer->windows, window, next_window) {
                HASH_DEL(newer->windows, window);
                window_add(older, window);
        }
        HASH_ITER (hh, newer->bans, ban, next_ban) {
                HASH_DEL(newer->bans, ban);
                ban_add(older, ban);
        }
        HASH_ITER (hh, newer->positions, position, next_position) {
                HASH_DEL(newer->positions, position);
                position_add(older, position);
        }
        HASH_ITER (hh, newer->levels, level, next_level) {
                HASH_DEL(newer->levels, level);
                level_add(older, level);
        }
        HASH_ITER (hh, newer->allowed, allow, next_allow) {
                HASH_DEL(newer->allowed, allow);
                allow_add(older, allow);
        }
        HASH_ITER (hh, newer->paused, pause, next_pause) {
                HASH_DEL(newer->paused, pause);
                pause_add(older, pause);
        }
        for (BatchSetAside *row; (row = newer->set_aside);) {
                newer->set_aside = row->next;
                batch_put_set_aside(older, &row->record);
                free(row);
        }
        for (BatchOutbox *row; (row = newer->outbox);) {
                newer->outbox = row->next;
                batch_put_outbox(older, &row->record);
                free(row);
        }
        for (OutboxJob *job; (job = newer->jobs);) {
                newer->jobs = job->next;
                batch_put_job(older, job);
        }
        for (size_t i = 0; i < newer->n_events; i++)
                event_add(older, newer->events[i]);
        newer->n_events = 0;
        older->sequence = newer->sequence;
        batch_free(newer);
}
