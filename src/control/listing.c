/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * ListBans. There may be two million bans, and each one's counters are asked of
 * the kernel, so they cannot all be told in one turn of the loop; nor does the
 * ban engine stand still between turns. So the first turn copies the keys only
 * (24 bytes each), and each later turn looks a hundred of them up again: what
 * has ended meanwhile is left out, and nothing is told twice.
 */

#include <errno.h>
#include <string.h>

#include "control/private.h"
#include "control/view.h"

typedef struct Key {
        uint64_t id;
        Addr addr;
} Key;

typedef struct Listing {
        Control *control;
        Key *keys;
        size_t n_keys, capacity, next;
        json_t *page;
        bool failed;
} Listing;

static int take_key(void *data, const Ban *ban)
{
        Listing *listing = data;

        if (listing->n_keys == listing->capacity) {
                size_t capacity = listing->capacity ? listing->capacity * 2 : 1024;
                Key *keys = realloc(listing->keys, capacity * sizeof *keys);

                if (!keys) {
                        listing->failed = true;
                        return 1;
                }
                listing->keys = keys;
                listing->capacity = capacity;
        }
        listing->keys[listing->n_keys++] = (Key){ .id = ban->id, .addr = ban->addr };
        return 0;
}

static int add_exempt(void *data, const AllowEntry *entry)
{
        json_t *list = data;

        if (json_array_size(list) == EXEMPT_MAX) {
                json_array_append_new(list, json_string("..."));
                return 1;
        }
        json_array_append_new(list, view_addr(&entry->addr));
        return 0;
}

static void add_ban(Control *control, json_t *page, const Ban *ban)
{
        json_t *object = view_ban(ban, false);
        FirewallElement kernel;
        int r;

        json_object_del(object, "lines");
        if (!addr_is_single(&ban->addr)) {
                json_t *except = json_array();

                control->ops.exempt(control->ops.userdata, &ban->addr, add_exempt, except);
                if (json_array_size(except) > 0)
                        json_object_set(object, "except", except);
                json_decref(except);
        }
        r = control->ops.kernel(control->ops.userdata, ban, &kernel);
        if (r >= 0)
                json_object_set_new(object, "in_kernel", json_boolean(r == 0));
        if (r == 0)
                json_object_set_new(object, "kernel", view_kernel(&kernel));
        json_array_append_new(page, object);
}

typedef struct LookUp {
        Listing *listing;
        uint64_t id;
} LookUp;

static int add_if_same(void *data, const Ban *ban)
{
        LookUp *look_up = data;

        if (ban->id == look_up->id)
                add_ban(look_up->listing->control, look_up->listing->page, ban);
        return 0;
}

static json_t *take_page(Listing *listing)
{
        json_t *answer = json_pack("{s:o}", "bans", listing->page);

        listing->page = json_array();
        return answer;
}

static bool listing_step(VarlinkCall *call, void *data)
{
        Listing *listing = data;
        Control *control = listing->control;

        for (size_t i = 0; i < LIST_STEP && listing->next < listing->n_keys; i++) {
                const Key *key = &listing->keys[listing->next++];

                control->ops.covering(control->ops.userdata, &key->addr, add_if_same, &(LookUp){ listing, key->id });
        }
        if (listing->next == listing->n_keys) {
                varlink_reply(call, take_page(listing));
                return false;
        }
        if (json_array_size(listing->page) + LIST_STEP > LIST_MAX)
                varlink_reply_more(call, take_page(listing));
        return true;
}

static void listing_end(VarlinkCall *call, void *data)
{
        Listing *listing = data;

        listing->control->n_listings--;
        json_decref(listing->page);
        free(listing->keys);
        free(listing);
}

/**
 * reply_busy() - LISTINGS_MAX others are reading lists
 */
void reply_busy(VarlinkCall *call)
{
        varlink_error(call, "io.bailiff.Manager.Busy",
                      json_pack("{s:s}", "message", "Others are reading lists at this moment; try again in a few seconds."));
}

static void list_in_pages(Control *control, VarlinkCall *call, const char *jail)
{
        Problem problem = { 0 };
        Listing *listing;

        if (control->n_listings >= LISTINGS_MAX) {
                reply_busy(call);
                return;
        }
        listing = calloc(1, sizeof *listing);
        if (!listing) {
                reply_problem(call, -ENOMEM, &problem);
                return;
        }
        listing->control = control;
        listing->page = json_array();
        control->n_listings++;
        varlink_later(call, &(VarlinkLater){ .step = listing_step, .end = listing_end }, listing);
        int r = control->ops.bans(control->ops.userdata, jail, take_key, listing);
        if (r < 0 || listing->failed)
                reply_problem(call, r < 0 ? r : -ENOMEM, &problem);
}

typedef struct FirstPage {
        Control *control;
        json_t *bans;
        bool truncated;
} FirstPage;

static int add_to_first(void *data, const Ban *ban)
{
        FirstPage *first = data;

        if (json_array_size(first->bans) == LIST_MAX) {
                first->truncated = true;
                return 1;
        }
        add_ban(first->control, first->bans, ban);
        return 0;
}

/**
 * method_list_bans() - ListBans
 */
void method_list_bans(Control *control, VarlinkCall *call)
{
        const char *jail = NULL;
        bool has_jail;
        const Parameter parameters[] = { { "jail", PARAMETER_JAIL, &jail, &has_jail } };

        if (!parameters_read(control, call, parameters, 1))
                return;
        if (varlink_wants_more(call)) {
                list_in_pages(control, call, jail);
                return;
        }
        FirstPage first = { .control = control, .bans = json_array() };
        Problem problem = { 0 };
        int r = control->ops.bans(control->ops.userdata, jail, add_to_first, &first);

        if (r < 0) {
                json_decref(first.bans);
                reply_problem(call, r, &problem);
                return;
        }
        json_t *answer = json_pack("{s:o}", "bans", first.bans);
        if (first.truncated)
                json_object_set_new(answer, "truncated", json_true());
        varlink_reply(call, answer);
}
