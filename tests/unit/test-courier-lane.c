/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A lane between a bailiffd and a service that are both played here: what it says to each, and when. */

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "courier/lane.h"
#include "test.h"
#include "util/clock.h"

#define MSEC ((uint64_t) USEC_PER_MSEC)
#define KEY_TEXT "0123456789abcdef0123456789abcdef"
#define DONE "{\"data\":{\"ipAddress\":\"203.0.113.5\",\"abuseConfidenceScore\":52}}"

static char directory[] = "/tmp/bailiff-test-lane-XXXXXX";
static char path[100], key_path[100];
static sd_event *event;
static Lane *lane;

/* ---- the configuration and the service ---- */

static ReportServiceConfig config;
static bool is_configured;
static const char *trouble = "";
static char said[1024];         /* what was logged last */
static unsigned n_said, n_stopped, n_sent;
static int send_result;
static HttpDone done;
static void *done_userdata;
static char url[200], body[500], key_sent[KEY_MAX + 1];
static HttpOptions options_sent;

static const ReportServiceConfig *look(void *userdata, const Service *service, const char **ret_problem)
{
        check(service == &SERVICE_ABUSEIPDB);
        *ret_problem = trouble;
        return is_configured ? &config : NULL;
}

static int send_request(void *userdata, const Service *service, const Request *request, const Key *key, const HttpOptions *options,
                        HttpDone on_done, void *on_done_userdata, Transfer **ret_transfer)
{
        if (send_result < 0)
                return send_result;
        check(!done);
        snprintf(url, sizeof url, "%s", request->url);
        snprintf(body, sizeof body, "%.*s", (int) request->size, request->body ? request->body : "");
        snprintf(key_sent, sizeof key_sent, "%s", key->text);
        options_sent = *options;
        done = on_done;
        done_userdata = on_done_userdata;
        n_sent++;
        *ret_transfer = (Transfer *) (void *) &n_sent;
        return 0;
}

static void finish(unsigned status, const char *text, bool sent)
{
        Answer answer = ANSWER_NULL;
        HttpDone call = done;

        check(call);
        answer.status = status;
        answer.sent = sent;
        answer.body = text;
        answer.size = strlen(text);
        answer.error = status ? "" : "broke off";
        done = NULL;
        call(done_userdata, &answer);
}

static void cancel(void *userdata, Transfer *transfer)
{
        check(transfer == (Transfer *) (void *) &n_sent);
        finish(0, "", true);
}

static void say(void *userdata, const Service *service, int level, const char *text)
{
        check(!strstr(text, KEY_TEXT));
        snprintf(said, sizeof said, "%s", text);
        n_said++;
}

static void stopped(void *userdata)
{
        n_stopped++;
}

/* ---- bailiffd ---- */

static int listener = -1, peer = -1;
static char input[65536];
static size_t n_input;

static void appear(void)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        strcpy(address.sun_path, path);
        listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        unlink(path);
        check_int(bind(listener, (struct sockaddr *) &address, sizeof address), 0);
        check_int(listen(listener, 4), 0);
}

static void hang_up(void)
{
        if (peer >= 0)
                close(peer);
        peer = -1;
        n_input = 0;
}

static void vanish(void)
{
        hang_up();
        close(listener);
        listener = -1;
        unlink(path);
}

static void turn(void)
{
        for (unsigned i = 0; i < 1000; i++)
                if (sd_event_run(event, 0) <= 0)
                        return;
        check(!"the loop spins");
}

/* The next call, within five seconds: a lane takes its time where it should. "": none came within the time. */
static json_t *next_call(uint64_t usec)
{
        uint64_t end = clock_boot_now().usec + usec;

        do {
                check(sd_event_run(event, 2 * MSEC) >= 0);
                if (peer < 0 && listener >= 0)
                        peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
                ssize_t n = peer >= 0 ? recv(peer, input + n_input, sizeof input - n_input, 0) : -1;
                if (n == 0)
                        hang_up();
                else if (n > 0)
                        n_input += (size_t) n;
                if (n_input > 0 && input[n_input - 1] == '\0') {
                        check_int(strlen(input), n_input - 1); /* one at a time */
                        n_input = 0;
                        return json_loads(input, 0, NULL);
                }
        } while (clock_boot_now().usec < end);
        return NULL;
}

static void expect_call(const char *text)
{
        json_auto_t *json = next_call(5000 * MSEC);
        char *dump = json ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS) : strdup("no call");

        check_text(dump, text);
        free(dump);
}

static void expect_nothing(uint64_t usec)
{
        json_auto_t *json = next_call(usec);

        check(!json);
}

static void reply(const char *text)
{
        check_int(send(peer, text, strlen(text) + 1, MSG_NOSIGNAL), strlen(text) + 1);
        turn();
}

#define CLAIM "{\"method\":\"io.bailiff.Manager.Claim\",\"more\":true,\"parameters\":{\"service\":\"abuseipdb\"}}"
#define SETTLE(parameters) "{\"method\":\"io.bailiff.Manager.Settle\",\"more\":false,\"parameters\":{" parameters "}}"
#define DONE_7 SETTLE("\"claim\":7,\"outcome\":\"done\",\"score\":52,\"status\":200")
#define NOTHING "{\"parameters\":{}}"
#define WORK                                                                                                                       \
        "{\"parameters\":{\"claim\":7,\"kind\":\"report\",\"items\":[{\"report\":11,\"address\":\"203.0.113.5\","                  \
        "\"categories\":\"18,22\",\"comment\":\"c\",\"time\":\"2026-11-29T06:20:05+00:00\",\"again\":false}]}}"
#define ERROR(name) "{\"error\":\"io.bailiff.Manager." name "\",\"parameters\":{\"message\":\"why\"}}"

/* ---- each test begins with a new lane ---- */

static void write_key(const char *text, mode_t mode)
{
        int fd = open(key_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        check(fd >= 0);
        check_int(write(fd, text, strlen(text)), strlen(text));
        check_int(fchmod(fd, mode), 0);
        close(fd);
}

static void begin(void)
{
        const LaneTimes times = { .retry_min = 10 * MSEC, .retry_max = 100 * MSEC, .claim_min = 50 * MSEC, .problem = 300 * MSEC,
                                  .answer = 2000 * MSEC };
        const LaneOps ops = { look, send_request, cancel, say, stopped, NULL };

        config = (ReportServiceConfig){ .configured = true, .key_file = key_path, .url = "https://host/api", .timeout = 300 };
        is_configured = true;
        trouble = "";
        *said = '\0';
        n_said = n_stopped = n_sent = 0;
        send_result = 0;
        done = NULL;
        write_key(KEY_TEXT "\n", 0640);
        check_int(lane_new(event, &SERVICE_ABUSEIPDB, path, NULL, &times, ops, &lane), 0);
        check(lane_is_off(lane));
}

static void end(void)
{
        lane = lane_free(lane);
        hang_up();
}

static void test_round(void)
{
        appear();
        begin();
        lane_start(lane);
        expect_call(CLAIM);
        uint64_t start = clock_boot_now().usec;
        reply(NOTHING);
        expect_call(CLAIM);
        check(clock_boot_now().usec - start >= 40 * MSEC); /* it does not ask at once */
        for (int i = 0; i < 3; i++) {
                reply(WORK);
                check_int(n_sent, i + 1);
                check_text(url, "https://host/api/report");
                check_contains(body, "ip=203.0.113.5&categories=18%2C22");
                check_text(key_sent, KEY_TEXT);
                check(!options_sent.proxy && !options_sent.ca_file);
                check_int(options_sent.timeout, 300);
                expect_nothing(20 * MSEC);
                finish(200, DONE, true);
                expect_call(DONE_7);
                reply("{\"parameters\":{\"remembered\":true}}");
                expect_call(CLAIM); /* at once */
        }
        check_int(n_said, 0);
        lane_stop(lane, false);
        check(lane_is_off(lane));
        check_int(n_stopped, 1);
        end();
        vanish();
}

static void test_new_key(void)
{
        appear();
        begin();
        config.ca_file = "/ca";
        config.proxy = "http://proxy";
        lane_start(lane);
        expect_call(CLAIM);
        write_key("another-key-of-the-account\n", 0600);
        config.url = "https://other/api";
        reply(WORK);
        check_text(key_sent, "another-key-of-the-account");
        check_text(url, "https://other/api/report");
        check_text(options_sent.ca_file, "/ca");
        check_text(options_sent.proxy, "http://proxy");
        /* The key goes away between claim and sending. */
        finish(200, DONE, true);
        expect_call(DONE_7);
        reply(NOTHING);
        expect_call(CLAIM);
        check_int(unlink(key_path), 0);
        reply(WORK);
        check_int(n_sent, 1);
        json_auto_t *json = next_call(5000 * MSEC);
        const json_t *parameters = json_object_get(json, "parameters");
        check_text(json_string_value(json_object_get(parameters, "outcome")), "failed");
        check_contains(json_string_value(json_object_get(parameters, "text")), "there is no key");
        check(!json_object_get(parameters, "status"));
        end();
        vanish();
}

static void test_problem(void)
{
        appear();
        begin();
        write_key(KEY_TEXT "\n", 0644);
        lane_start(lane);
        for (int i = 0; i < 2; i++) {
                uint64_t start = clock_boot_now().usec;
                json_auto_t *json = next_call(5000 * MSEC);
                const char *problem = json_string_value(json_object_get(json_object_get(json, "parameters"), "problem"));

                check(problem);
                check_contains(problem, "chown root:bailiff-courier ");
                check(i == 0 || clock_boot_now().usec - start >= 200 * MSEC);
                reply(NOTHING);
        }
        check_int(n_said, 1); /* told once */
        check_contains(said, "chmod 640");
        uint64_t mended = clock_boot_now().usec;
        write_key(KEY_TEXT "\n", 0640);
        turn(); /* the answer is read, and it rests */
        lane_start(lane);
        expect_call(CLAIM); /* at once: something was mended */
        check(clock_boot_now().usec - mended < 150 * MSEC);
        reply(NOTHING);
        check_int(n_said, 2);
        check_contains(said, "again");
        expect_call(CLAIM);
        trouble = "bailiff.yaml:3:1: \xff no"; /* of the configuration; and it is no UTF-8 */
        reply(WORK);
        expect_call(SETTLE("\"claim\":7,\"outcome\":\"failed\",\"text\":\"bailiff.yaml:3:1: \\\\xff no\""));
        reply(NOTHING);
        expect_call("{\"method\":\"io.bailiff.Manager.Claim\",\"more\":true,\"parameters\":{\"problem\":\"bailiff.yaml:3:1: \\\\xff no\","
                    "\"service\":\"abuseipdb\"}}");
        end();
        vanish();
}

static void test_configured(void)
{
        appear();
        begin();
        is_configured = false;
        lane_start(lane);
        check(lane_is_off(lane));
        expect_nothing(30 * MSEC);
        is_configured = true;
        lane_start(lane);
        lane_start(lane); /* does nothing */
        expect_call(CLAIM);
        is_configured = false;
        reply(WORK); /* too late */
        expect_call(SETTLE("\"claim\":7,\"outcome\":\"failed\",\"text\":\"it is not configured any more\""));
        reply(NOTHING);
        expect_nothing(100 * MSEC);
        check(lane_is_off(lane) && peer < 0);
        check_int(n_stopped, 0);
        end();
        vanish();
}

/* bailiffd goes while a request is under way, and while a settlement is. */
static void test_away(void)
{
        begin();
        lane_start(lane); /* it is not there yet */
        expect_nothing(150 * MSEC);
        check_int(n_said, 1);
        check_contains(said, "cannot reach bailiffd");
        appear();
        expect_call(CLAIM);
        reply(WORK);
        vanish();
        turn();
        expect_nothing(50 * MSEC);
        finish(200, DONE, true);
        expect_nothing(50 * MSEC);
        appear();
        expect_call(DONE_7); /* before anything else */
        hang_up();           /* without an answer */
        expect_call(DONE_7);
        reply("{\"parameters\":{\"remembered\":false}}");
        expect_call(CLAIM);
        reply(WORK);
        hang_up();
        finish(429, "You can only report the same IP address once in 15 minutes.", true);
        expect_call(SETTLE("\"claim\":7,\"outcome\":\"duplicate\",\"status\":429,\"text\":\"You can only report the same IP address once in 15 "
                           "minutes.\""));
        reply(ERROR("NoSuchClaim"));
        expect_call(CLAIM);
        reply(NOTHING);
        /* The connection breaks while it rests, and while it waits for an answer. */
        hang_up();
        expect_call(CLAIM);
        hang_up();
        expect_call(CLAIM);
        check_int(n_sent, 2);
        end();
        vanish();
}

static void test_silent(void)
{
        appear();
        begin();
        lane_start(lane);
        expect_call(CLAIM);
        uint64_t start = clock_boot_now().usec;
        expect_call(CLAIM); /* on a new connection */
        check(clock_boot_now().usec - start >= 1900 * MSEC);
        end();
        vanish();
}

static void test_refused(void)
{
        appear();
        begin();
        lane_start(lane);
        expect_call(CLAIM);
        reply(ERROR("NotAuthorized"));
        check_contains(said, "must run as user bailiff-courier");
        uint64_t start = clock_boot_now().usec;
        expect_call(CLAIM);
        check(clock_boot_now().usec - start >= 200 * MSEC);
        reply(WORK);
        finish(200, DONE, true);
        expect_call(DONE_7);
        reply(ERROR("Busy"));
        expect_call(DONE_7); /* it is not lost */
        reply("{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":\"score\"}}");
        expect_call(CLAIM); /* that would go on for ever */
        end();
        vanish();
}

static void test_strange(void)
{
        static const char *const answers[] = { "", "x", "[]", "7", "{\"parameters\":[]}", "{\"error\":7}", NULL };

        appear();
        begin();
        lane_start(lane);
        for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) { /* each costs the connection, and nothing else */
                expect_call(CLAIM);
                if (!answers[i]) { /* more than was asked for */
                        check_int(send(peer, "{\"parameters\":{}}\0x", 19, MSG_NOSIGNAL), 19);
                        turn();
                } else {
                        reply(answers[i]);
                }
        }
        expect_call(CLAIM);
        reply("{\"parameters\":{\"claim\":9,\"kind\":\"praise\",\"items\":[]}}");
        json_auto_t *json = next_call(5000 * MSEC);
        check_text(json_string_value(json_object_get(json_object_get(json, "parameters"), "outcome")), "failed");
        reply(NOTHING);
        expect_call(CLAIM);
        reply("{\"parameters\":{\"claim\":9,\"kind\":\"report\",\"items\":[{\"report\":1,\"address\":\"x\"}]}}");
        json_auto_t *second = next_call(5000 * MSEC);
        check_text(json_string_value(json_object_get(json_object_get(second, "parameters"), "outcome")), "refused");
        reply(NOTHING);
        expect_call(CLAIM);
        reply("{\"parameters\":{\"claim\":9,\"kind\":\"vote\",\"items\":[{\"report\":1,\"address\":\"3fff::1\",\"verdict\":\"harmless\"}]}}");
        expect_call(SETTLE("\"claim\":9,\"outcome\":\"refused\",\"text\":\"abuseipdb has no vote\""));
        reply(NOTHING);
        expect_call(CLAIM);
        send_result = -EINVAL;
        reply(WORK);
        json_auto_t *third = next_call(5000 * MSEC);
        check_text(json_string_value(json_object_get(json_object_get(third, "parameters"), "outcome")), "failed");
        check_int(n_sent, 0);
        end();
        vanish();
}

/* An answer that comes in pieces, and one that is large. */
static void test_large(void)
{
        const size_t n = OUTBOX_BULK_MAX;
        char *text = NULL, comment[101];
        size_t size = 0;
        FILE *file = open_memstream(&text, &size);

        memset(comment, 'c', 100);
        comment[100] = '\0';
        fprintf(file, "{\"parameters\":{\"claim\":7,\"kind\":\"bulk\",\"items\":[");
        for (size_t i = 0; i < n; i++)
                fprintf(file,
                        "%s{\"report\":%zu,\"address\":\"198.51.%zu.%zu\",\"categories\":\"18\",\"comment\":\"%s\",\"time\":\"t\",\"again\":false}",
                        i ? "," : "", i, i / 256, i % 256, comment);
        fprintf(file, "]}}");
        fclose(file);
        appear();
        begin();
        lane_start(lane);
        expect_call(CLAIM);
        for (size_t at = 0; at <= size;) {
                size_t part = at < 10 ? 1 : 100000;
                ssize_t sent = send(peer, text + at, part < size + 1 - at ? part : size + 1 - at, MSG_NOSIGNAL);

                if (sent > 0)
                        at += (size_t) sent;
                turn();
        }
        turn();
        check_int(n_sent, 1);
        check_text(url, "https://host/api/bulk-report");
        finish(200, "{\"data\":{\"savedReports\":9999}}", true);
        expect_call(SETTLE("\"claim\":7,\"outcome\":\"done\",\"status\":200,\"text\":\"9999 of 9999 rows saved\""));
        free(text);
        end();
        vanish();
}

#define PAGE(continues, number)                                                                                                     \
        "{\"parameters\":{\"claim\":7,\"kind\":\"bulk\",\"items\":[{\"report\":" number ",\"address\":\"203.0.113." number "\","    \
        "\"categories\":\"18\",\"comment\":\"c\",\"time\":\"2026-11-29T06:20:05+00:00\"}]}" continues "}"

/* Pages are one claim; one that breaks off is none; pages that do not belong together break the connection. */
static void test_pages(void)
{
        appear();
        begin();
        lane_start(lane);
        expect_call(CLAIM);
        reply(PAGE(",\"continues\":true", "1"));
        reply(PAGE(",\"continues\":true", "2"));
        check_int(n_sent, 0);
        reply(PAGE("", "3"));
        check_int(n_sent, 1);
        for (int i = 1; i <= 3; i++) {
                char row[32];

                snprintf(row, sizeof row, "\n203.0.113.%d,", i);
                check_contains(body, row);
        }
        finish(200, "{\"data\":{\"savedReports\":3,\"invalidReports\":[]}}", true);
        expect_call(SETTLE("\"claim\":7,\"outcome\":\"done\",\"status\":200,\"text\":\"3 of 3 rows saved\""));
        reply("{\"parameters\":{\"remembered\":true}}");
        expect_call(CLAIM);
        reply(PAGE(",\"continues\":true", "1"));
        reply(ERROR("Failed"));
        check_int(n_sent, 1);
        end();
        vanish();

        appear();
        begin();
        lane_start(lane);
        expect_call(CLAIM);
        reply(PAGE(",\"continues\":true", "1"));
        reply("{\"parameters\":{},\"continues\":true}");
        check_int(n_sent, 0);
        check_contains(said, "lost bailiffd");
        end();
        vanish();
}

static void test_stop(void)
{
        appear();
        begin(); /* with a request under way: that is waited for */
        lane_start(lane);
        expect_call(CLAIM);
        reply(WORK);
        lane_stop(lane, false);
        check(!lane_is_off(lane) && n_stopped == 0);
        finish(200, DONE, true);
        expect_call(DONE_7);
        reply(NOTHING);
        check(lane_is_off(lane) && n_stopped == 1);
        end();
        begin(); /* or cancelled */
        lane_start(lane);
        expect_call(CLAIM);
        reply(WORK);
        lane_stop(lane, false);
        lane_stop(lane, true);
        expect_call(SETTLE("\"claim\":7,\"outcome\":\"uncertain\",\"text\":\"broke off\""));
        reply(NOTHING);
        check(lane_is_off(lane) && n_stopped == 1);
        lane_start(lane);
        check(lane_is_off(lane));
        end();
        begin(); /* while it rests */
        lane_start(lane);
        expect_call(CLAIM);
        reply(NOTHING);
        lane_stop(lane, false);
        check(lane_is_off(lane) && n_stopped == 1);
        end();
        vanish();
}

int main(void)
{
        check(mkdtemp(directory));
        snprintf(path, sizeof path, "%s/control.sock", directory);
        snprintf(key_path, sizeof key_path, "%s/abuseipdb.key", directory);
        check(sd_event_new(&event) >= 0);
        test_round();
        test_new_key();
        test_problem();
        test_configured();
        test_away();
        test_silent();
        test_refused();
        test_strange();
        test_large();
        test_pages();
        test_stop();
        sd_event_unref(event);
        unlink(key_path);
        check_int(rmdir(directory), 0);
        return EXIT_SUCCESS;
}
