/* SPDX-License-Identifier: GPL-2.0-or-later */

/* bailiffd is trusted less than it might be: what it gives is read as strictly as what a service answers. */

#include <errno.h>
#include <string.h>

#include "courier/work.h"

static bool kind_parse(const char *word, OutboxWork *ret_kind)
{
        for (OutboxWork kind = 0; word && kind < _WORK_MAX; kind++)
                if (strcmp(word, outbox_work_name(kind)) == 0) {
                        *ret_kind = kind;
                        return true;
                }
        return false;
}

/* What a kind cannot do without. */
static bool item_is_complete(OutboxWork kind, const WorkItem *item)
{
        switch (kind) {
        case WORK_REPORT:
        case WORK_BULK: return *item->categories && *item->time;
        case WORK_VOTE: return strcmp(item->verdict, "malicious") == 0 || strcmp(item->verdict, "harmless") == 0;
        case WORK_COMMENT: return *item->comment != '\0';
        case WORK_DELETE: return *item->comment_id != '\0';
        case WORK_CLEAR: return true;
        default: return false;
        }
}

static const char *member(const json_t *object, const char *name)
{
        const char *text = json_string_value(json_object_get(object, name));

        return text ? text : "";
}

static bool item_read(const json_t *object, OutboxWork kind, WorkItem *item)
{
        const char *address = member(object, "address");

        *item = (WorkItem){
                .report = json_integer_value(json_object_get(object, "report")),
                .categories = member(object, "categories"),
                .comment = member(object, "comment"),
                .time = member(object, "time"),
                .verdict = member(object, "verdict"),
                .comment_id = member(object, "comment_id"),
        };
        return json_is_integer(json_object_get(object, "report")) && addr_parse(address, strlen(address), &item->addr) == 0 &&
               addr_is_single(&item->addr) && item_is_complete(kind, item);
}

/**
 * work_read() - take what Claim answered
 * @parameters: of the answer; kept alive by the work
 * @ret_work:   for work_clear(), also after -EPROTONOSUPPORT and -EPROTO: then only its claim is set
 *
 * Return: 0; -ENOENT if there is nothing to do; -EPROTONOSUPPORT if it is of a kind that this program does not know,
 * -EPROTO if it is not what the interface promises, both with a Problem; -ENOMEM.
 */
int work_read(const json_t *parameters, Work *ret_work, Problem *problem)
{
        const json_t *items = json_object_get(parameters, "items"), *claim = json_object_get(parameters, "claim");
        const char *word = json_string_value(json_object_get(parameters, "kind"));
        Work work = { 0 };

        if (!json_is_integer(claim))
                return -ENOENT;
        work.claim = json_integer_value(claim);
        work.n_items = json_array_size(items);
        if (!kind_parse(word, &work.kind)) {
                *ret_work = (Work){ .claim = work.claim };
                return problem_set(problem, -EPROTONOSUPPORT,
                                   "bailiff-courier is older than bailiffd and does not know this kind of report; "
                                   "restart it: systemctl restart bailiff-courier");
        }
        if (work.n_items == 0 || work.n_items > OUTBOX_BULK_MAX || (work.kind != WORK_BULK && work.n_items != 1)) {
                *ret_work = (Work){ .claim = work.claim };
                return problem_set(problem, -EPROTO, "bailiffd gave %zu items for one %s", work.n_items, word);
        }
        work.items = calloc(work.n_items, sizeof *work.items);
        if (!work.items)
                return -ENOMEM;
        for (size_t i = 0; i < work.n_items; i++)
                if (!item_read(json_array_get(items, i), work.kind, &work.items[i])) {
                        free(work.items);
                        *ret_work = (Work){ .claim = work.claim };
                        return problem_set(problem, -EPROTO, "bailiffd gave a %s without all that it needs (item %zu)", word, i + 1);
                }
        work.json = json_incref((json_t *) (uintptr_t) parameters);
        *ret_work = work;
        return 0;
}

/**
 * work_clear() - be done with it; none is left
 */
void work_clear(Work *work)
{
        free(work->items);
        json_decref(work->json);
        *work = (Work){ 0 };
}
