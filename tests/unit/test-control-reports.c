/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Reports over the control socket: a courier's Claim and Settle, and what people ask and change. */

#include "control-peer.h"

#define CLAIM(parameters) "{\"method\":\"" M "Claim\",\"more\":true,\"parameters\":{" parameters "}}"

static int64_t number_of(const json_t *reply, const char *name)
{
        return json_integer_value(member(reply, name));
}

static const char *text_of(const json_t *object, const char *name)
{
        const char *text = json_string_value(json_object_get(object, name));

        return text ? text : "none";
}

/* ---- Claim ---- */

static void test_claim_waits(void)
{
        Peer *peer;

        begin(ACCESS_COURIER);
        peer = join();
        expect(peer, CALL("Claim", "\"service\":\"abuseipdb\""), V "ExpectedMore", "");
        expect(peer, CLAIM("\"service\":\"example\""), V "InvalidParameter", "There are the services abuseipdb and virustotal.");
        expect(peer, CLAIM("\"service\":\"\\u001b[2J\""), V "InvalidParameter", "\"parameter\":\"service\"");
        expect(peer, CLAIM(""), V "InvalidParameter", "service is missing");
        expect(peer, CLAIM("\"service\":\"abuseipdb\",\"problem\":7"), V "InvalidParameter", "\"parameter\":\"problem\"");
        check_int(fake.claims, 0);

        push(peer, CLAIM("\"service\":\"abuseipdb\""));
        check(!answer(peer));
        check_int(fake.claims, 1);
        check_text(fake.claim_problem, "");
        fake_work(&fake, OUTBOX_ABUSEIPDB, OUTBOX_REPORT, "report", 1);
        json_auto_t *work = answer(peer);
        check(!json_object_get(work, "continues"));
        check_int(number_of(work, "claim"), 1);
        check_text(text_of(json_object_get(work, "parameters"), "kind"), "report");
        check_int(json_array_size(member(work, "items")), 1);
        const json_t *item = json_array_get(member(work, "items"), 0);
        check_int(json_integer_value(json_object_get(item, "report")), 1000);
        check_text(text_of(item, "address"), "198.51.0.0");
        check_text(text_of(item, "categories"), "18,22");
        check_text(text_of(item, "comment"), "it's \"quoted\",\nand \xe2\x82\xac");
        check_text(text_of(item, "time"), "2026-11-22T07:31:00+00:00");
        check(json_is_false(json_object_get(item, "again")));
        check(!json_object_get(item, "verdict") && !json_object_get(item, "comment_id"));
        check_int(fake.cancelled, 0);

        /* Nothing is due in half a minute. */
        push(peer, CLAIM("\"service\":\"virustotal\",\"problem\":\"the key\\u001b is missing\\n\""));
        check(!answer(peer));
        check_text(fake.claim_problem, "the key\\x1b is missing\\x0a");
        fake_work(&fake, OUTBOX_VIRUSTOTAL, OUTBOX_VOTE, "vote", 0);
        json_auto_t *nothing = answer(peer);
        check(!json_object_get(nothing, "error") && json_object_size(json_object_get(nothing, "parameters")) == 0);
        leave(peer);
        check_int(fake.cancelled, 0);
        end();
}

/* What is asked for other than reports. */
static void test_claim_kinds(void)
{
        static const struct {
                OutboxKind kind;
                const char *word, *member, *value;
        } kinds[] = {
                { OUTBOX_VOTE, "vote", "verdict", "malicious" },
                { OUTBOX_COMMENT, "comment", "comment", "it's \"quoted\",\nand \xe2\x82\xac" },
                { OUTBOX_DELETE, "delete", "comment_id", "i-203.0.113.5-0123abcd" },
                { OUTBOX_CLEAR, "clear", "address", "198.51.0.0" },
        };
        Peer *peer;

        begin(ACCESS_COURIER);
        peer = join();
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
                push(peer, CLAIM("\"service\":\"virustotal\""));
                turn();
                fake_work(&fake, OUTBOX_VIRUSTOTAL, kinds[i].kind, kinds[i].word, 1);
                json_auto_t *work = answer(peer);
                const json_t *item = json_array_get(member(work, "items"), 0);
                check_text(text_of(json_object_get(work, "parameters"), "kind"), kinds[i].word);
                check_text(text_of(item, kinds[i].member), kinds[i].value);
                check(!json_object_get(item, "time") && !json_object_get(item, "categories"));
                check_int(json_object_size(item), kinds[i].kind == OUTBOX_CLEAR ? 3 : 4);
        }
        leave(peer);
        end();
}

/* A bulk file comes in pages, and no turn of the loop makes more than one of them. */
static void test_bulk(void)
{
        static const size_t sizes[] = { CLAIM_PAGE, CLAIM_PAGE, 50 };
        int64_t expected = 1000;
        Peer *peer;

        begin(ACCESS_COURIER);
        peer = join();
        push(peer, CLAIM("\"service\":\"abuseipdb\""));
        turn();
        fake_work(&fake, OUTBOX_ABUSEIPDB, OUTBOX_REPORT, "bulk", 450);
        for (size_t page = 0; page < 3; page++) {
                while (!memchr(peer->data, '\0', peer->size)) {
                        size_t before = fake.items;
                        check(sd_event_run(event, 0) > 0);
                        check(fake.items - before <= CLAIM_PAGE);
                        ssize_t n = recv(peer->fd, peer->data + peer->size, sizeof peer->data - peer->size, 0);
                        peer->size += n > 0 ? (size_t) n : 0;
                }
                json_auto_t *reply = answer(peer);
                const json_t *item;
                size_t i;

                check_int(number_of(reply, "claim"), 1);
                check_text(text_of(json_object_get(reply, "parameters"), "kind"), "bulk");
                check((json_object_get(reply, "continues") != NULL) == (page < 2));
                check_int(json_array_size(member(reply, "items")), sizes[page]);
                json_array_foreach(member(reply, "items"), i, item) {
                        check_int(json_integer_value(json_object_get(item, "report")), expected);
                        check(json_is_true(json_object_get(item, "again")) == (expected == 1001));
                        expected++;
                }
        }
        check_int(expected, 1450);
        check(!answer(peer));
        /* One for which there is no memory is left out; the others go. */
        fake.item_fails = 300;
        push(peer, CLAIM("\"service\":\"abuseipdb\""));
        turn();
        fake_work(&fake, OUTBOX_ABUSEIPDB, OUTBOX_REPORT, "bulk", 401);
        size_t items = 0;
        for (size_t page = 0; page < 3; page++) {
                json_auto_t *reply = answer(peer);
                items += json_array_size(member(reply, "items"));
        }
        check_int(items, 400);
        /* Exactly a page needs no second one. */
        fake.item_fails = 0;
        push(peer, CLAIM("\"service\":\"abuseipdb\""));
        turn();
        fake_work(&fake, OUTBOX_ABUSEIPDB, OUTBOX_REPORT, "bulk", CLAIM_PAGE);
        json_auto_t *whole = answer(peer);
        check(!json_object_get(whole, "continues"));
        check_int(json_array_size(member(whole, "items")), CLAIM_PAGE);
        leave(peer);
        end();
}

/* A courier that leaves: while it waits the claim is cancelled, in the middle of a file it just ends. */
static void test_courier_leaves(void)
{
        Peer *peer, *other;

        begin(ACCESS_COURIER);
        peer = join();
        push(peer, CLAIM("\"service\":\"abuseipdb\""));
        push(peer, CLAIM("\"service\":\"virustotal\""));
        turn();
        leave(peer);
        check_int(fake.cancelled, 2);
        check(!fake.claim_answers[0] && !fake.claim_answers[1]);

        peer = join();
        push(peer, CLAIM("\"service\":\"abuseipdb\""));
        turn();
        fake_work(&fake, OUTBOX_ABUSEIPDB, OUTBOX_REPORT, "bulk", 5000);
        sd_event_run(event, 0);
        leave(peer);
        check_int(fake.cancelled, 2);
        check(fake.items < 5000);

        /* Another one takes the place of the first, which is sent away without work. */
        peer = join();
        other = join();
        push(peer, CLAIM("\"service\":\"abuseipdb\""));
        turn();
        push(other, CLAIM("\"service\":\"abuseipdb\""));
        json_auto_t *nothing = answer(peer);
        check(nothing && json_object_size(json_object_get(nothing, "parameters")) == 0);
        fake_work(&fake, OUTBOX_ABUSEIPDB, OUTBOX_REPORT, "report", 1);
        json_auto_t *work = answer(other);
        check_int(json_array_size(member(work, "items")), 1);
        leave(peer);
        leave(other);
        check_int(fake.cancelled, 2);
        /* The daemon ends while a courier waits. */
        peer = join();
        push(peer, CLAIM("\"service\":\"abuseipdb\""));
        turn();
        control_free(fake.control);
        check_int(fake.cancelled, 3);
        fake.control = NULL;
        leave(peer);
        end();
}

/* ---- Settle ---- */

static void test_settle(void)
{
        Peer *peer;

        begin(ACCESS_COURIER);
        peer = join();
        fake.claim = 7;
        push(peer, CALL("Settle", "\"claim\":7,\"outcome\":\"done\",\"status\":200,\"score\":52,\"text\":\"a\\u001bb\",\"comment_id\":\"i-1\","
                        "\"limit\":1000,\"remaining\":998,\"retry_after\":17,\"reset\":1795392000,"
                        "\"errors\":[{\"report\":1001,\"error\":\"Duplicate IP\"},{\"report\":1002,\"error\":\"not sent\"}]"));
        check(!answer(peer));
        check(fake.jobs);
        const OutboxRequest *request = &fake.jobs->request;
        check_int(request->op, OUTBOX_SETTLE);
        check_int(request->claim, 7);
        check_int(request->answer.outcome, OUTCOME_DONE);
        check_int(request->answer.status, 200);
        check_int(request->answer.score, 52);
        check_text(request->answer.text, "a\\x1bb");
        check_text(request->answer.remote, "i-1");
        check_int(request->answer.limit, 1000);
        check_int(request->answer.remaining, 998);
        check_int(request->answer.retry_after, 17);
        check_int(request->answer.reset, 1795392000);
        check_int(request->n_errors, 2);
        check_int(request->errors[1].id, 1002);
        check_text(request->errors[1].text, "not sent");
        fake_tell(&fake);
        json_auto_t *done = answer(peer);
        check(json_is_true(member(done, "remembered")));
        check_int(fake.settled, 1);

        /* Least said: the rest is unknown, not 0. */
        fake.claim = 8;
        push(peer, CALL("Settle", "\"claim\":8,\"outcome\":\"failed\""));
        turn();
        check(fake.jobs);
        request = &fake.jobs->request;
        check_int(request->answer.outcome, OUTCOME_FAILED);
        check(request->answer.status == 0 && request->answer.score == -1 && request->answer.limit == -1 && request->answer.remaining == -1 &&
              request->answer.retry_after == -1 && request->answer.reset == -1);
        check_text(request->answer.text, "");
        fake_tell(&fake);
        json_auto_t *failed = answer(peer);
        check(json_is_true(member(failed, "remembered")));

        /* A second word on the same claim. */
        push(peer, CALL("Settle", "\"claim\":8,\"outcome\":\"failed\""));
        turn();
        fake_tell(&fake);
        json_auto_t *again = answer(peer);
        check_text(text_of(again, "error"), M "NoSuchClaim");
        check_contains(text_of(json_object_get(again, "parameters"), "message"), "drop it");

        /* Figures that cannot be are taken for none. */
        push(peer, CALL("Settle", "\"claim\":8,\"outcome\":\"refused\",\"status\":123456,\"score\":101"));
        turn();
        check(fake.jobs && fake.jobs->request.answer.status == 0 && fake.jobs->request.answer.score == -1);
        leave(peer);
        end();
}

static void test_settle_wrong(void)
{
        static const struct {
                const char *request, *part;
        } cases[] = {
                { CALL("Settle", "\"claim\":7,\"outcome\":\"splendid\""), "\"parameter\":\"outcome\"" },
                { CALL("Settle", "\"claim\":7"), "outcome is missing" },
                { CALL("Settle", "\"outcome\":\"done\""), "claim is missing" },
                { CALL("Settle", "\"claim\":-7,\"outcome\":\"done\""), "\"parameter\":\"claim\"" },
                { CALL("Settle", "\"claim\":\"7\",\"outcome\":\"done\""), "\"parameter\":\"claim\"" },
                { CALL("Settle", "\"claim\":7,\"outcome\":\"done\",\"score\":-1"), "\"parameter\":\"score\"" },
                { CALL("Settle", "\"claim\":7,\"outcome\":\"done\",\"key\":\"x\""), "no such parameter" },
                { CALL("Settle", "\"claim\":7,\"outcome\":\"done\",\"errors\":7"), "must be a list" },
                { CALL("Settle", "\"claim\":7,\"outcome\":\"done\",\"errors\":[7]"), "a report's number and a text" },
                { CALL("Settle", "\"claim\":7,\"outcome\":\"done\",\"errors\":[{\"report\":1}]"), "a report's number and a text" },
                { CALL("Settle", "\"claim\":7,\"outcome\":\"done\",\"errors\":[{\"error\":\"x\"}]"), "a report's number and a text" },
                { CALL("Settle", "\"claim\":7,\"outcome\":\"done\",\"errors\":[{\"report\":\"1\",\"error\":\"x\"}]"), "a report's number and a text" },
                { CALL("Settle", "\"claim\":7,\"outcome\":\"done\",\"errors\":[{\"report\":1,\"error\":\"\\u001b\"}]"), "a report's number and a text" },
        };
        Peer *peer;

        begin(ACCESS_COURIER);
        peer = join();
        fake.claim = 7;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                expect(peer, cases[i].request, V "InvalidParameter", cases[i].part);
                check(!fake.jobs); /* the outbox is not asked */
        }
        fake.fails = true;
        expect(peer, CALL("Settle", "\"claim\":7,\"outcome\":\"done\""), M "Failed", "journalctl -u bailiffd");
        leave(peer);
        end();
}

/* The daemon hears how it went, though the courier does not hear that it has. */
static void test_settle_and_leave(void)
{
        Peer *peer;

        begin(ACCESS_COURIER);
        peer = join();
        fake.claim = 7;
        push(peer, CALL("Settle", "\"claim\":7,\"outcome\":\"done\""));
        turn();
        leave(peer);
        check(fake.jobs && fake.jobs->waiter->done);
        fake_tell(&fake);
        check_int(fake.settled, 1);
        /* The daemon ends before it is on disk. */
        peer = join();
        push(peer, CALL("Settle", "\"claim\":8,\"outcome\":\"done\""));
        turn();
        check(fake.jobs);
        control_free(fake.control);
        fake.control = NULL;
        fake_tell(&fake);
        leave(peer);
        end();
}

/* ---- what people ask ---- */

static json_t *ask_outbox(Peer *peer, const char *request)
{
        push(peer, request);
        turn();
        check(fake.jobs);
        fake_tell(&fake);
        json_t *reply = answer(peer);
        check(reply);
        return reply;
}

/* The numbers that ListReports gives. */
static void expect_list(Peer *peer, const char *request, const char *expected)
{
        json_auto_t *reply = ask_outbox(peer, request);
        const json_t *report;
        char numbers[256] = "";
        size_t i, used = 0;

        json_array_foreach(member(reply, "reports"), i, report)
                used += (size_t) snprintf(numbers + used, sizeof numbers - used, "%lld ", (long long) json_integer_value(json_object_get(report, "report")));
        check_text(numbers, expected);
        check_int(json_array_size(member(reply, "services")), 2);
}

static void test_list(void)
{
        Peer *peer;

        begin(ACCESS_LOOK);
        peer = join();
        expect_list(peer, CALL("ListReports", ""), "10 9 8 7 6 5 4 3 2 1 ");
        expect_list(peer, CALL("ListReports", "\"state\":\"unknown\""), "3 ");
        expect_list(peer, CALL("ListReports", "\"state\":null,\"max\":2"), "10 9 ");
        expect_list(peer, CALL("ListReports", "\"before\":3,\"max\":9223372036854775807"), "2 1 ");
        expect_list(peer, CALL("ListReports", "\"max\":0"), "");
        expect_list(peer, CALL("ListReports", "\"service\":\"virustotal\",\"address\":\"203.0.113.5\""), "5 3 2 ");
        expect_list(peer, CALL("ListReports", "\"service\":\"abuseipdb\",\"state\":\"queued\""), "8 6 ");
        expect_list(peer, CALL("ListReports", "\"address\":\"192.0.2.1\""), "");
        push(peer, CALL("ListReports", "\"max\":5000"));
        turn();
        check_int(fake.jobs->request.max, 1000);
        fake_tell(&fake);
        json_decref(answer(peer));
        push(peer, CALL("ListReports", ""));
        turn();
        check_int(fake.jobs->request.max, 20);
        fake_tell(&fake);
        json_decref(answer(peer));
        expect(peer, CALL("ListReports", "\"state\":\"lost\""), V "InvalidParameter", "queued, in-flight, done");
        expect(peer, CALL("ListReports", "\"service\":\"virustotal-vote\""), V "InvalidParameter", "abuseipdb and virustotal");
        expect(peer, CALL("ListReports", "\"address\":\"203.0.113.0/24\""), V "InvalidParameter", "is a prefix");
        expect(peer, CALL("ListReports", "\"max\":-1"), V "InvalidParameter", "\"parameter\":\"max\"");
        fake.fails = true;
        expect(peer, CALL("ListReports", ""), M "Failed", "journalctl -u bailiffd");
        leave(peer);
        end();
}

static void test_list_values(void)
{
        Peer *peer;

        begin(ACCESS_LOOK);
        peer = join();
        json_auto_t *reply = ask_outbox(peer, CALL("ListReports", ""));
        const json_t *abuseipdb = json_array_get(member(reply, "services"), 0), *virustotal = json_array_get(member(reply, "services"), 1);
        const json_t *first = json_array_get(member(reply, "reports"), 9), *queued = json_array_get(member(reply, "reports"), 4);
        const json_t *quota = json_array_get(json_object_get(abuseipdb, "quotas"), 0);

        check_text(text_of(abuseipdb, "service"), "abuseipdb");
        check(json_is_true(json_object_get(abuseipdb, "configured")) && json_is_true(json_object_get(abuseipdb, "courier")));
        check(!json_object_get(abuseipdb, "problem"));
        check_int(json_integer_value(json_object_get(json_object_get(abuseipdb, "counts"), "queued")), 2);
        check_int(json_integer_value(json_object_get(json_object_get(abuseipdb, "counts"), "in-flight")), 1);
        check_int(json_array_size(json_object_get(abuseipdb, "quotas")), 3);
        check_text(text_of(quota, "endpoint"), "abuseipdb/report");
        check_int(json_integer_value(json_object_get(quota, "used")), 120);
        check_int(json_integer_value(json_object_get(quota, "left")), 870); /* the service says less than we count */
        check(json_is_string(json_object_get(quota, "resets")) && !json_object_get(quota, "blocked_until") && !json_object_get(quota, "last_error"));
        check_text(text_of(virustotal, "problem"), "the key's file cannot be read: \x1b[2J; mend it");
        check(json_is_false(json_object_get(virustotal, "courier")));
        quota = json_array_get(json_object_get(virustotal, "quotas"), 0);
        check_int(json_integer_value(json_object_get(quota, "left")), 0);
        check_text(text_of(quota, "reason"), "quota");
        check_text(text_of(quota, "last_error"), "Quota exceeded");
        check(json_is_string(json_object_get(quota, "blocked_until")));
        check_text(text_of(first, "service"), "abuseipdb");
        check_text(text_of(first, "state"), "done");
        check_int(json_integer_value(json_object_get(first, "score")), 52);
        check_text(text_of(first, "categories"), "18,22");
        check_text(text_of(first, "settled"), "2026-11-22T07:31:00Z");
        check(!json_object_get(first, "receipt") && !json_object_get(first, "comment_id") && !json_object_get(first, "next_try"));
        check(json_is_true(json_object_get(queued, "maybe_sent")) && json_is_string(json_object_get(queued, "next_try")));
        check(!json_object_get(queued, "settled") && !json_object_get(queued, "score") && !json_object_get(queued, "status"));
        leave(peer);
        fake.only_abuseipdb = true;
        peer = join();
        json_auto_t *alone = ask_outbox(peer, CALL("ListReports", "\"max\":0"));
        check(json_is_false(json_object_get(json_array_get(member(alone, "services"), 1), "configured")));
        leave(peer);
        end();
}

static void test_changes(void)
{
        Peer *peer;

        begin(ACCESS_CHANGE);
        peer = join();
        json_auto_t *all = ask_outbox(peer, CALL("RetryReports", ""));
        check_int(number_of(all, "changed"), 1);
        json_auto_t *one = ask_outbox(peer, CALL("RetryReports", "\"report\":3"));
        check_int(number_of(one, "changed"), 1);
        json_auto_t *done = ask_outbox(peer, CALL("RetryReports", "\"report\":1"));
        check_int(number_of(done, "changed"), 0);
        expect(peer, CALL("RetryReports", "\"report\":0"), V "InvalidParameter", "numbered from 1");
        expect(peer, CALL("RetryReports", "\"report\":-1"), V "InvalidParameter", "report");
        expect(peer, CALL("RetryReports", "\"all\":true"), V "InvalidParameter", "no such parameter");

        json_auto_t *dropped = ask_outbox(peer, CALL("DropReports", "\"report\":6"));
        check_int(number_of(dropped, "changed"), 1);
        json_auto_t *flying = ask_outbox(peer, CALL("DropReports", "\"report\":7"));
        check_int(number_of(flying, "changed"), 0);
        json_auto_t *of_address = ask_outbox(peer, CALL("DropReports", "\"address\":\"::ffff:198.51.100.7\""));
        check_int(number_of(of_address, "changed"), 1);
        expect(peer, CALL("DropReports", ""), V "InvalidParameter", "either a report's number or an address");
        expect(peer, CALL("DropReports", "\"report\":6,\"address\":\"198.51.100.7\""), V "InvalidParameter", "either");
        expect(peer, CALL("DropReports", "\"address\":\"198.51.100.0/24\""), V "InvalidParameter", "is a prefix");

        json_auto_t *retracted = ask_outbox(peer, CALL("RetractReports", "\"address\":\"203.0.113.5\""));
        check_int(number_of(retracted, "dropped"), 0);
        check(json_is_true(member(retracted, "clears")) && json_is_true(member(retracted, "deletes")));
        json_auto_t *waiting = ask_outbox(peer, CALL("RetractReports", "\"address\":\"198.51.100.7\""));
        check_int(number_of(waiting, "dropped"), 1);
        check(json_is_false(member(waiting, "clears")) && json_is_false(member(waiting, "deletes")));
        expect(peer, CALL("RetractReports", ""), V "InvalidParameter", "address is missing");
        expect(peer, CALL("RetractReports", "\"address\":\"www.example.com\""), V "InvalidParameter", "never resolved");
        fake.fails = true;
        expect(peer, CALL("RetryReports", ""), M "Failed", "journalctl");
        expect(peer, CALL("DropReports", "\"report\":6"), M "Failed", "journalctl");
        expect(peer, CALL("RetractReports", "\"address\":\"203.0.113.5\""), M "Failed", "journalctl");
        leave(peer);
        end();
}

static void test_preview(void)
{
        Peer *peer;

        begin(ACCESS_CHANGE);
        peer = join();
        json_auto_t *reply = ask(peer, CALL("PreviewReport", "\"jail\":\"sshd\",\"address\":\"203.0.113.5\""));
        const json_t *report = json_array_get(member(reply, "reports"), 0), *vote = json_array_get(member(reply, "reports"), 1);
        check_int(json_array_size(member(reply, "reports")), 3);
        check(!member(reply, "note"));
        check_text(text_of(report, "service"), "abuseipdb");
        check_text(text_of(report, "address"), "203.0.113.5");
        check_text(text_of(report, "time"), "2026-11-22T07:31:00+00:00");
        check_contains(text_of(report, "comment"), "5 failures\n");
        check(!json_object_get(report, "report") && !json_object_get(report, "again"));
        check_text(text_of(vote, "service"), "virustotal-vote");
        check_text(text_of(vote, "verdict"), "malicious");
        check_int(json_object_size(vote), 3);
        expect(peer, CALL("PreviewReport", "\"jail\":\"sshd\",\"address\":\"192.0.2.7\""), "", "\"note\":\"the address is allowed");
        expect(peer, CALL("PreviewReport", "\"jail\":\"nginx-http-auth\",\"address\":\"203.0.113.5\""), "", "\"reports\":[]");
        expect(peer, CALL("PreviewReport", "\"jail\":\"sshdd\",\"address\":\"203.0.113.5\""), M "NoSuchJail", "Did you mean");
        expect(peer, CALL("PreviewReport", "\"jail\":\"sshd\""), V "InvalidParameter", "address is missing");
        expect(peer, CALL("PreviewReport", "\"jail\":\"sshd\",\"address\":\"203.0.113.0/24\""), V "InvalidParameter", "is a prefix");
        fake.fails = true;
        expect(peer, CALL("PreviewReport", "\"jail\":\"sshd\",\"address\":\"203.0.113.5\""), M "NoSuchJail", "does not run");
        leave(peer);
        end();
}

/* The disk does not answer: who asked waits, others are served, and one who leaves is not missed. */
static void test_no_answer(void)
{
        static const char *const requests[] = { CALL("ListReports", ""), CALL("RetryReports", ""), CALL("DropReports", "\"report\":6"),
                                                CALL("RetractReports", "\"address\":\"203.0.113.5\"") };
        Peer *peer, *other;

        begin(ACCESS_CHANGE);
        for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
                peer = join();
                other = join();
                push(peer, requests[i]);
                check(!answer(peer));
                expect(other, CALL("Banned", "\"address\":\"203.0.113.5\""), "", "\"banned\":false");
                leave(peer);
                check(fake.jobs && !fake.jobs->waiter->done);
                fake_tell(&fake);
                push(other, requests[i]);
                turn();
                push(other, CALL("Banned", "\"address\":\"203.0.113.5\"")); /* answers keep the order of the questions */
                check(!answer(other));
                fake_tell(&fake);
                json_auto_t *first = answer(other), *second = answer(other);
                check(first && !member(first, "banned") && member(second, "banned"));
                leave(other);
        }
        peer = join();
        push(peer, requests[0]);
        turn();
        control_free(fake.control);
        fake.control = NULL;
        check(fake.jobs && !fake.jobs->waiter->done);
        leave(peer);
        end();
}

/* ---- the description ---- */

/* Whether each key of an answer's object is a field of the description, in that method or type. */
static void check_fields(const char *heading, const json_t *object)
{
        const char *from = strstr(CONTROL_DESCRIPTION, heading), *to;
        const char *key;
        json_t *value;

        check(from && json_is_object(object));
        from += strlen(heading);
        if (strncmp(heading, "\nmethod", 7) == 0)
                from = strstr(from, "->");
        to = strstr(from, "\n\n");
        json_object_foreach((json_t *) (uintptr_t) object, key, value) {
                char name[64];
                const char *found;

                snprintf(name, sizeof name, "%s: ", key);
                found = strstr(from, name);
                while (found && found[-1] != ' ' && found[-1] != '(')
                        found = strstr(found + 1, name);
                if (!found || found >= to)
                        fprintf(stderr, "%s: %s is not described\n", heading + 1, key);
                check(found && found < to);
        }
}

static void test_described(void)
{
        const json_t *item;
        Peer *peer;
        size_t i;

        begin(ACCESS_CHANGE);
        peer = join();
        json_auto_t *list = ask_outbox(peer, CALL("ListReports", ""));
        check_fields("\nmethod ListReports(", json_object_get(list, "parameters"));
        json_array_foreach(member(list, "reports"), i, item) check_fields("\ntype Report (", item);
        json_array_foreach(member(list, "services"), i, item) {
                check_fields("\ntype ReportService (", item);
                check_fields("\ntype Quota (", json_array_get(json_object_get(item, "quotas"), 0));
        }
        json_auto_t *why = ask(peer, CALL("Why", "\"address\":\"203.0.113.5\""));
        check_int(json_array_size(member(why, "reports")), 4);
        check_fields("\ntype Report (", json_array_get(member(why, "reports"), 0));
        json_auto_t *preview = ask(peer, CALL("PreviewReport", "\"jail\":\"sshd\",\"address\":\"192.0.2.7\""));
        check_fields("\nmethod PreviewReport(", json_object_get(preview, "parameters"));
        json_array_foreach(member(preview, "reports"), i, item) check_fields("\ntype Preview (", item);
        json_auto_t *retry = ask_outbox(peer, CALL("RetryReports", ""));
        check_fields("\nmethod RetryReports(", json_object_get(retry, "parameters"));
        json_auto_t *drop = ask_outbox(peer, CALL("DropReports", "\"report\":6"));
        check_fields("\nmethod DropReports(", json_object_get(drop, "parameters"));
        json_auto_t *retract = ask_outbox(peer, CALL("RetractReports", "\"address\":\"203.0.113.5\""));
        check_fields("\nmethod RetractReports(", json_object_get(retract, "parameters"));
        leave(peer);
        end();

        begin(ACCESS_COURIER);
        peer = join();
        static const OutboxKind kinds[] = { OUTBOX_REPORT, OUTBOX_VOTE, OUTBOX_DELETE };
        for (i = 0; i < 3; i++) {
                push(peer, CLAIM("\"service\":\"abuseipdb\""));
                turn();
                fake_work(&fake, OUTBOX_ABUSEIPDB, kinds[i], "report", 1);
                json_auto_t *work = answer(peer);
                check_fields("\nmethod Claim(", json_object_get(work, "parameters"));
                check_fields("\ntype ReportItem (", json_array_get(member(work, "items"), 0));
        }
        json_auto_t *settled = ask_outbox(peer, CALL("Settle", "\"claim\":3,\"outcome\":\"done\""));
        check_fields("\nmethod Settle(", json_object_get(settled, "parameters"));
        leave(peer);
        end();
}

/* A list looks at the whole outbox, on the thread that writes bans: a few at a time. */
static void test_lists_are_few(void)
{
        Peer *peers[LISTINGS_MAX], *late;

        begin(ACCESS_LOOK);
        for (size_t i = 0; i < LISTINGS_MAX; i++) {
                peers[i] = join();
                push(peers[i], CALL("ListReports", ""));
                turn();
        }
        late = join();
        expect(late, CALL("ListReports", ""), M "Busy", "try again");
        for (size_t i = 0; i < LISTINGS_MAX; i++) {
                fake_tell(&fake);
                json_auto_t *reply = answer(peers[i]);
                check(json_array_size(member(reply, "reports")) > 0);
        }
        for (size_t i = 0; i < LISTINGS_MAX; i++)
                leave(peers[i]);
        push(late, CALL("ListReports", ""));
        turn();
        fake_tell(&fake);
        json_auto_t *reply = answer(late);
        check(json_array_size(member(reply, "reports")) > 0);
        leave(late);
        end();
}

int main(void)
{
        set_up();
        test_claim_waits();
        test_claim_kinds();
        test_bulk();
        test_courier_leaves();
        test_settle();
        test_settle_wrong();
        test_settle_and_leave();
        test_list();
        test_list_values();
        test_changes();
        test_preview();
        test_no_answer();
        test_described();
        test_lists_are_few();
        tear_down();
        return 0;
}
