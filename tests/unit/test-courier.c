/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is sent to the services, byte for byte; what each of their answers means; keys. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "courier/csv.h"
#include "courier/key.h"
#include "courier/service.h"
#include "test.h"
#include "util/text.h"

#define A "abuseipdb"
#define V "virustotal"

/* ---- work ---- */

static Work work_of(const char *text)
{
        json_auto_t *json = json_loads(text, 0, NULL);
        Problem problem = { "" };
        Work work = { 0 };

        check(json);
        if (work_read(json, &work, &problem) != 0)
                fprintf(stderr, "%s\n", problem.text);
        check(work.items);
        return work;
}

#define REPORT                                                                                                                     \
        "{\"claim\":7,\"kind\":\"report\",\"items\":[{\"report\":11,\"address\":\"203.0.113.5\",\"categories\":\"18,22\","         \
        "\"comment\":\"Visit: https://www.example.com/ 100% \xc3\xbc\\n\\\"&=+\",\"time\":\"2026-11-29T06:20:05+00:00\",\"again\":false}]}"
#define REPORT6                                                                                                                    \
        "{\"claim\":7,\"kind\":\"report\",\"items\":[{\"report\":11,\"address\":\"3FFF:0::1\",\"categories\":\"21\","              \
        "\"time\":\"2026-11-29T06:20:05+00:00\",\"again\":true}]}"
#define CLEAR "{\"claim\":8,\"kind\":\"clear\",\"items\":[{\"report\":12,\"address\":\"3fff::1\",\"again\":false}]}"
#define VOTE                                                                                                                       \
        "{\"claim\":9,\"kind\":\"vote\",\"items\":[{\"report\":13,\"address\":\"203.0.113.5\",\"verdict\":\"malicious\",\"again\":false}]}"
#define COMMENT                                                                                                                    \
        "{\"claim\":10,\"kind\":\"comment\",\"items\":[{\"report\":14,\"address\":\"3fff::1\",\"comment\":\"5 \\\"failed\\\" logins "      \
        "#ssh\",\"again\":false}]}"
#define DELETE                                                                                                                     \
        "{\"claim\":11,\"kind\":\"delete\",\"items\":[{\"report\":15,\"address\":\"3fff::1\",\"comment_id\":\"i-3fff::1-../a?b\","  \
        "\"again\":false}]}"
#define BULK                                                                                                                       \
        "{\"claim\":12,\"kind\":\"bulk\",\"items\":["                                                                              \
        "{\"report\":21,\"address\":\"203.0.113.5\",\"categories\":\"18,22\",\"comment\":\"a, \\\"b\\\"\",\"time\":\"2026-11-29T06:20:05+00:00\"}," \
        "{\"report\":22,\"address\":\"3fff::1\",\"categories\":\"18\",\"comment\":\"\",\"time\":\"2026-11-29T06:21:05+00:00\"},"   \
        "{\"report\":23,\"address\":\"203.0.113.6\",\"categories\":\"18\",\"comment\":\"c\",\"time\":\"2026-11-29T06:22:05+00:00\"}," \
        "{\"report\":24,\"address\":\"203.0.113.6\",\"categories\":\"21\",\"comment\":\"d\",\"time\":\"2026-11-29T06:23:05+00:00\"}]}"

static void test_work(void)
{
        static const struct {
                const char *text;
                int r;
        } bad[] = {
                { "{}", -ENOENT },
                { "{\"claim\":null,\"kind\":null,\"items\":null}", -ENOENT },
                { "{\"claim\":\"7\"}", -ENOENT },
                { "{\"claim\":7}", -EPROTONOSUPPORT },
                { "{\"claim\":7,\"kind\":\"praise\",\"items\":[{}]}", -EPROTONOSUPPORT },
                { "{\"claim\":7,\"kind\":\"report\"}", -EPROTO },
                { "{\"claim\":7,\"kind\":\"report\",\"items\":[]}", -EPROTO },
                { "{\"claim\":7,\"kind\":\"report\",\"items\":[7]}", -EPROTO },
                { "{\"claim\":7,\"kind\":\"clear\",\"items\":[{\"report\":1,\"address\":\"203.0.113.0/24\"}]}", -EPROTO },
                { "{\"claim\":7,\"kind\":\"clear\",\"items\":[{\"report\":1,\"address\":\"../votes\"}]}", -EPROTO },
                { "{\"claim\":7,\"kind\":\"clear\",\"items\":[{\"report\":1}]}", -EPROTO },
                { "{\"claim\":7,\"kind\":\"clear\",\"items\":[{\"address\":\"3fff::1\"}]}", -EPROTO },
                { "{\"claim\":7,\"kind\":\"vote\",\"items\":[{\"report\":1,\"address\":\"3fff::1\",\"verdict\":\"so so\"}]}", -EPROTO },
                { "{\"claim\":7,\"kind\":\"comment\",\"items\":[{\"report\":1,\"address\":\"3fff::1\"}]}", -EPROTO },
                { "{\"claim\":7,\"kind\":\"delete\",\"items\":[{\"report\":1,\"address\":\"3fff::1\"}]}", -EPROTO },
                { "{\"claim\":7,\"kind\":\"report\",\"items\":[{\"report\":1,\"address\":\"3fff::1\",\"categories\":\"18\"}]}", -EPROTO },
                { "{\"claim\":7,\"kind\":\"clear\",\"items\":[{\"report\":1,\"address\":\"3fff::1\"},{\"report\":2,\"address\":\"3fff::2\"}]}",
                  -EPROTO },
        };
        Work work = work_of(REPORT6);

        check_int(work.claim, 7);
        check_int(work.items[0].report, 11);
        check_text(work.items[0].comment, "");
        work_clear(&work);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                json_auto_t *json = json_loads(bad[i].text, 0, NULL);
                Problem problem = { "" };

                work = (Work){ 0 };
                check(json);
                check_int(work_read(json, &work, &problem), bad[i].r);
                check(!work.items && !work.json);
                check_int(work.claim, bad[i].r == -ENOENT ? 0 : 7);
                check((*problem.text != '\0') == (bad[i].r != -ENOENT));
                work_clear(&work);
        }
        for (size_t n = OUTBOX_BULK_MAX; n <= OUTBOX_BULK_MAX + 1; n++) { /* as many as a file may have, and one more */
                json_auto_t *json = json_pack("{s:i, s:s, s:[]}", "claim", 7, "kind", "bulk", "items");
                json_auto_t *item = json_pack("{s:i, s:s, s:s, s:s}", "report", 1, "address", "203.0.113.5", "categories", "18", "time",
                                              "2026-11-29T06:20:05+00:00");

                for (size_t i = 0; i < n; i++)
                        json_array_append(json_object_get(json, "items"), item);
                work = (Work){ 0 };
                check_int(work_read(json, &work, NULL), n > OUTBOX_BULK_MAX ? -EPROTO : 0);
                work_clear(&work);
        }
}

/* ---- requests ---- */

static void check_request(const Service *service, const char *text, const char *method, const char *url, const char *type,
                          const char *body)
{
        _cleanup_(work_clear) Work work = work_of(text);
        _cleanup_(request_clear) Request request = { 0 };

        check_int(service_request(service, &work, "https://host/api", &request), 0);
        check_text(request.method, method);
        check_text(request.url, url);
        check_text(request.type ? request.type : "", type);
        check_int(request.size, strlen(body));
        if (request.body)
                check_text(request.body, body);
        check_int(request.n_sent, work.n_items);
}

static void test_requests(void)
{
        static const struct {
                const Service *service;
                const char *text;
        } foreign[] = { { &SERVICE_ABUSEIPDB, VOTE },    { &SERVICE_ABUSEIPDB, COMMENT }, { &SERVICE_ABUSEIPDB, DELETE },
                        { &SERVICE_VIRUSTOTAL, REPORT }, { &SERVICE_VIRUSTOTAL, BULK },   { &SERVICE_VIRUSTOTAL, CLEAR } };

        check_request(&SERVICE_ABUSEIPDB, REPORT, "POST", "https://host/api/report", "application/x-www-form-urlencoded",
                      "ip=203.0.113.5&categories=18%2C22&timestamp=2026-11-29T06%3A20%3A05%2B00%3A00&comment=Visit%3A%20https%3A%2F%2F"
                      "www.example.com%2F%20100%25%20%C3%BC%0A%22%26%3D%2B");
        check_request(&SERVICE_ABUSEIPDB, REPORT6, "POST", "https://host/api/report", "application/x-www-form-urlencoded",
                      "ip=3fff%3A%3A1&categories=21&timestamp=2026-11-29T06%3A20%3A05%2B00%3A00");
        check_request(&SERVICE_ABUSEIPDB, CLEAR, "DELETE", "https://host/api/clear-address?ipAddress=3fff%3A%3A1", "", "");
        check_request(&SERVICE_ABUSEIPDB, BULK, "POST", "https://host/api/bulk-report",
                      "multipart/form-data; boundary=----bailiff-report-00000000",
                      "------bailiff-report-00000000\r\n"
                      "Content-Disposition: form-data; name=\"csv\"; filename=\"report.csv\"\r\n"
                      "Content-Type: text/csv\r\n\r\n"
                      "IP,Categories,ReportDate,Comment\n"
                      "203.0.113.5,\"18,22\",2026-11-29T06:20:05+00:00,\"a, \\\"b\\\"\"\n"
                      "3fff::1,18,2026-11-29T06:21:05+00:00,\n"
                      "203.0.113.6,18,2026-11-29T06:22:05+00:00,\"c\"\n"
                      "203.0.113.6,21,2026-11-29T06:23:05+00:00,\"d\"\n"
                      "\r\n------bailiff-report-00000000--\r\n");
        check_request(&SERVICE_VIRUSTOTAL, VOTE, "POST", "https://host/api/ip_addresses/203.0.113.5/votes", "application/json",
                      "{\"data\":{\"type\":\"vote\",\"attributes\":{\"verdict\":\"malicious\"}}}");
        check_request(&SERVICE_VIRUSTOTAL, COMMENT, "POST", "https://host/api/ip_addresses/3fff::1/comments", "application/json",
                      "{\"data\":{\"type\":\"comment\",\"attributes\":{\"text\":\"5 \\\"failed\\\" logins #ssh\"}}}");
        check_request(&SERVICE_VIRUSTOTAL, DELETE, "DELETE", "https://host/api/comments/i-3fff::1-..%2Fa%3Fb", "", "");
        for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
                _cleanup_(work_clear) Work work = work_of(foreign[i].text);
                Request request;

                check_int(service_request(foreign[i].service, &work, "https://host", &request), -EOPNOTSUPP);
        }
        /* A comment that holds the boundary. */
        _cleanup_(work_clear) Work work = work_of(BULK);
        _cleanup_(request_clear) Request request = { 0 };
        work.items[0].comment = "x\r\n------bailiff-report-00000000--\r\n";
        check_int(service_request(&SERVICE_ABUSEIPDB, &work, "https://host", &request), 0);
        check_text(request.type, "multipart/form-data; boundary=----bailiff-report-00000001");
}

/* ---- CSV ---- */

static void check_comment(const char *comment, const char *expected)
{
        const WorkItem item = { .addr = addr_from_bytes(4, "\xcb\0q\5"), .categories = "18", .time = "t", .comment = comment };
        _cleanup_free_ char *text = NULL;
        size_t size, n;
        char whole[256];

        snprintf(whole, sizeof whole, "IP,Categories,ReportDate,Comment\n203.0.113.5,18,t,%s\n", expected);
        check_int(csv_write(&item, 1, CSV_MAX, &text, &size, &n), 0);
        check_text(text, whole);
        check_int(size, strlen(whole));
        check_int(n, 1);
}

static void test_csv(void)
{
        check_comment("", "");
        check_comment("plain", "\"plain\"");
        check_comment("a,b", "\"a,b\"");
        check_comment("say \"hi\"", "\"say \\\"hi\\\"\"");
        check_comment("\"", "\"\\\"\"");
        check_comment("two\nlines\r\nand\ta tab", "\"two lines  and a tab\"");
        check_comment("C:\\dir\\file", "\"C:\\dir\\file\"");
        check_comment("ends\\", "\"ends\\ \"");
        check_comment("ends\\\\", "\"ends\\\\ \"");
        check_comment("\\\"", "\"\\ \\\"\"");
        check_comment("a\\\\\"b", "\"a\\\\ \\\"b\"");
        check_comment("=1+1 \xc3\xbc", "\"=1+1 \xc3\xbc\"");

        /* A row is as it is, or is not there; and each limit lets as many in as fit. */
        WorkItem items[3];
        for (size_t i = 0; i < 3; i++)
                items[i] = (WorkItem){ .addr = addr_from_bytes(4, "\xcb\0q\5"), .categories = "18", .time = "t", .comment = "1234567" };
        const size_t heading = strlen("IP,Categories,ReportDate,Comment\n"), row = strlen("203.0.113.5,18,t,\"1234567\"\n");
        for (size_t max = heading; max <= heading + 3 * row + 1; max++) {
                _cleanup_free_ char *text = NULL;
                size_t size, n;

                check_int(csv_write(items, 3, max, &text, &size, &n), 0);
                check(size <= max);
                check_int(n, (max - heading) / row < 3 ? (max - heading) / row : 3);
                check_int(size, heading + n * row);
        }
}

/* 9999 comments of 1024 bytes are five times as much as a file may have. */
static void test_csv_cut(void)
{
        _cleanup_(work_clear) Work work = { .claim = 12, .kind = WORK_BULK, .n_items = OUTBOX_BULK_MAX };
        _cleanup_(request_clear) Request request = { 0 };
        Answer answer = ANSWER_NULL;
        Settlement settlement;
        char comment[1025];

        memset(comment, '"', sizeof comment - 1); /* each becomes two */
        comment[sizeof comment - 1] = '\0';
        work.items = calloc(work.n_items, sizeof *work.items);
        for (size_t i = 0; i < work.n_items; i++)
                work.items[i] = (WorkItem){ .report = (int64_t) i + 100, .addr = addr_from_bytes(4, "\xcb\0q\5"), .categories = "18,22",
                                            .time = "2026-11-29T06:20:05+00:00", .comment = comment };
        check_int(service_request(&SERVICE_ABUSEIPDB, &work, "https://host", &request), 0);
        check(request.size < CSV_MAX + 300);
        check(request.size > CSV_MAX - 3000);
        check(request.n_sent > 900 && request.n_sent < 1000);
        answer.status = 200;
        answer.sent = true;
        answer.body = "{\"data\":{\"savedReports\":900,\"invalidReports\":[{\"error\":\"Invalid IP\",\"input\":\"x\",\"rowNumber\":2}]}}";
        answer.size = strlen(answer.body);
        check_int(service_settle(&SERVICE_ABUSEIPDB, &work, request.n_sent, &answer, &settlement), 0);
        check_int(settlement.outcome, OUTCOME_DONE);
        check_int(settlement.n_errors, 1 + work.n_items - request.n_sent);
        check_int(settlement.errors[0].report, 100);
        check_text(settlement.errors[0].text, "Invalid IP");
        check_int(settlement.errors[1].report, 100 + request.n_sent);
        check_text(settlement.errors[1].text, "not sent");
        check_int(settlement.errors[settlement.n_errors - 1].report, 100 + work.n_items - 1);
        json_auto_t *json = settlement_json(&settlement);
        check_int(json_array_size(json_object_get(json, "errors")), settlement.n_errors);
        settlement_clear(&settlement);
}

/* ---- answers ---- */

typedef struct Case {
        const char *what, *service, *work;
        unsigned status;
        const char *headers;    /* lines */
        const char *body;
        OutboxOutcome outcome;
        const char *text;       /* is contained */
} Case;

#define HTML "<!DOCTYPE html>\n<html><head>\n<title>502 Bad\n Gateway</title></head><body>nginx</body></html>"
#define A_DONE "{\"data\":{\"ipAddress\":\"127.0.0.1\",\"abuseConfidenceScore\":52}}"
#define A_ERROR(status, detail) "{\"errors\":[{\"detail\":\"" detail "\",\"status\":" #status "}]}"
#define A_WINDOW "You can only report the same IP address (`1.2.3.4`) once in 15 minutes."
#define A_DAILY "Daily rate limit of 1000 requests exceeded for this endpoint. See headers for additional details."
#define A_KEY "Authentication failed. Your API key is either missing, incorrect, or revoked. Note: The APIv2 key differs from the APIv1 key."
#define V_ERROR(code, message) "{\"error\":{\"code\":\"" code "\",\"message\":\"" message "\"}}"
#define V_VOTE                                                                                                                     \
        "{\"data\":{\"type\":\"vote\",\"id\":\"i-1.2.3.4-a68784ad\",\"attributes\":{\"date\":1574246672,\"value\":-1,"              \
        "\"verdict\":\"malicious\"},\"links\":{\"self\":null}}}"
#define V_COMMENT "{\"data\":{\"type\":\"comment\",\"id\":\"i-3fff::1-a68784ad\",\"attributes\":{\"text\":\"x\",\"tags\":[\"ssh\"]}}}"

static const Case CASES[] = {
        /* AbuseIPDB, report */
        { "accepted", A, REPORT, 200, "X-RateLimit-Limit: 1000\nX-RateLimit-Remaining: 997", A_DONE, OUTCOME_DONE, "" },
        { "accepted, spaced", A, REPORT, 200, "", " {\n \"data\" : {\r\n\t\"ipAddress\":\"127.0.0.1\"}}", OUTCOME_DONE, "" },
        { "accepted, with more", A, REPORT, 201, "", "{\"meta\":{},\"data\":{\"abuseConfidenceScore\":7}}", OUTCOME_DONE, "" },
        { "accepted, cut", A, REPORT, 200, "", "{\"data\":{\"ipAddr", OUTCOME_DONE, "" },
        { "accepted, cut early", A, REPORT, 200, "", "{\"data\":{", OUTCOME_DONE, "" },
        { "cut too early", A, REPORT, 200, "", "{\"data\":", OUTCOME_UNCERTAIN, "" },
        { "empty", A, REPORT, 200, "", "", OUTCOME_UNCERTAIN, "" },
        { "no content", A, REPORT, 204, "", "", OUTCOME_UNCERTAIN, "" },
        { "a page", A, REPORT, 200, "", HTML, OUTCOME_UNCERTAIN, "502 Bad Gateway" },
        { "other JSON", A, REPORT, 200, "", "{\"data\":[]}", OUTCOME_UNCERTAIN, "{\"data\":[]}" },
        { "a list", A, REPORT, 200, "", "[{\"data\":{}}]", OUTCOME_UNCERTAIN, "" },
        { "errors with 200", A, REPORT, 200, "", A_ERROR(200, "hm"), OUTCOME_UNCERTAIN, "hm" },
        { "invalid UTF-8", A, REPORT, 200, "", "{\"data\":{\"ipAddress\":\"\xff\xfe\"}}", OUTCOME_DONE, "" },
        { "invalid UTF-8 at first", A, REPORT, 200, "", "\xff{\"data\":{}}", OUTCOME_UNCERTAIN, "\\xff" },
        { "window", A, REPORT, 429, "", A_ERROR(429, A_WINDOW), OUTCOME_DUPLICATE, "once in 15 minutes" },
        { "window, test address", A, REPORT, 429, "",
          "{\"detail\":\"You can only report the same IP address once in 15 minutes.\",\"source\":{\"parameter\":\"ip\",\"value\":"
          "\"127.0.0.2\"},\"status\":429}",
          OUTCOME_DUPLICATE, "You can only report" },
        { "window, cut", A, REPORT, 429, "", "{\"errors\":[{\"detail\":\"You can only report the same IP address once in 15 minutes.\"",
          OUTCOME_DUPLICATE, "once in 15 minutes" },
        { "window, with Retry-After", A, REPORT, 429, "Retry-After: 60", A_ERROR(429, A_WINDOW), OUTCOME_DUPLICATE, "" },
        { "window, as in 2020", A, REPORT, 403, "", A_ERROR(403, A_WINDOW), OUTCOME_DUPLICATE, "" },
        { "window, as some think", A, REPORT, 422, "", A_ERROR(422, A_WINDOW), OUTCOME_DUPLICATE, "" },
        { "quota", A, REPORT, 429,
          "Retry-After: 29241\nX-RateLimit-Limit: 1000\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1545973200",
          A_ERROR(429, A_DAILY), OUTCOME_QUOTA, "Daily rate limit of 1000" },
        { "quota without headers", A, REPORT, 429, "", A_ERROR(429, A_DAILY), OUTCOME_QUOTA, "" },
        { "quota, bare", A, REPORT, 429, "", "{\"detail\":\"" A_DAILY "\",\"status\":429}", OUTCOME_QUOTA, "Daily" },
        { "quota, a page", A, REPORT, 429, "retry-after: 29241", HTML, OUTCOME_QUOTA, "502 Bad Gateway" },
        { "quota, a date", A, REPORT, 429, "Retry-After: Fri, 28 Dec 2018 05:00:00 GMT", "", OUTCOME_QUOTA, "" },
        { "quota, cut", A, REPORT, 429, "", "{\"errors\":[{\"detail\":\"Daily rate limit of 10", OUTCOME_QUOTA, "" },
        { "a proxy's 429", A, REPORT, 429, "", HTML, OUTCOME_BUSY, "" },
        { "an empty 429", A, REPORT, 429, "", "", OUTCOME_BUSY, "" },
        { "another 429", A, REPORT, 429, "", A_ERROR(429, "Slow down"), OUTCOME_BUSY, "Slow down" },
        { "key", A, REPORT, 401, "", A_ERROR(401, A_KEY), OUTCOME_KEY, "Authentication failed" },
        { "key, a page", A, REPORT, 401, "", HTML, OUTCOME_KEY, "" },
        { "plan", A, REPORT, 402, "", A_ERROR(402, "Payment Required"), OUTCOME_PLAN, "Payment" },
        { "forbidden", A, REPORT, 403, "", A_ERROR(403, "suspended"), OUTCOME_FORBIDDEN, "suspended" },
        { "Cloudflare's 403", A, REPORT, 403, "", "error code: 1010", OUTCOME_FORBIDDEN, "error code: 1010" },
        { "wrong", A, REPORT, 422, "",
          "{\"errors\":[{\"detail\":\"The ip must be a valid IPv4 or IPv6 address (e.g. 8.8.8.8 or 2001:4860:4860::8888).\","
          "\"status\":422,\"source\":{\"parameter\":\"ip\"}}]}",
          OUTCOME_REFUSED, "The ip must be" },
        { "wrong, odd shapes", A, REPORT, 422, "", "{\"errors\":{\"detail\":7}}", OUTCOME_REFUSED, "" },
        { "wrong, no entry", A, REPORT, 422, "", "{\"errors\":[]}", OUTCOME_REFUSED, "" },
        { "wrong, control bytes", A, REPORT, 422, "", A_ERROR(422, "a\\u001b[2Jb"), OUTCOME_REFUSED, "a\\x1b[2Jb" },
        { "wrong, NUL", A, REPORT, 422, "", A_ERROR(422, "a\\u0000b"), OUTCOME_REFUSED, "" },
        { "bad request", A, REPORT, 400, "", "", OUTCOME_REFUSED, "" },
        { "no such place", A, REPORT, 404, "", HTML, OUTCOME_REFUSED, "" },
        { "no such method", A, REPORT, 405, "", "", OUTCOME_REFUSED, "" },
        { "too large", A, BULK, 413, "", HTML, OUTCOME_REFUSED, "" },
        { "too long", A, REPORT, 414, "", "", OUTCOME_REFUSED, "" },
        { "type", A, REPORT, 415, "", "", OUTCOME_REFUSED, "" },
        { "another 4xx", A, REPORT, 451, "", "", OUTCOME_REFUSED, "" },
        { "AbuseIPDB's 409 is none of its own", A, REPORT, 409, "", "", OUTCOME_REFUSED, "" },
        { "came in too slowly", A, REPORT, 408, "", "", OUTCOME_FAILED, "" },
        { "too early", A, REPORT, 425, "", "", OUTCOME_FAILED, "" },
        { "500", A, REPORT, 500, "", HTML, OUTCOME_UNCERTAIN, "502 Bad Gateway" },
        { "500 with JSON", A, REPORT, 500, "", A_ERROR(500, "Server Error"), OUTCOME_UNCERTAIN, "Server Error" },
        { "500 with the window's text", A, REPORT, 500, "", A_ERROR(500, A_WINDOW), OUTCOME_UNCERTAIN, "" },
        { "502", A, REPORT, 502, "", HTML, OUTCOME_FAILED, "" },
        { "503", A, REPORT, 503, "Retry-After: 120", HTML, OUTCOME_FAILED, "" },
        { "504", A, REPORT, 504, "", HTML, OUTCOME_UNCERTAIN, "" },
        { "520", A, REPORT, 520, "", "error code: 520", OUTCOME_UNCERTAIN, "" },
        { "521", A, REPORT, 521, "", "error code: 521", OUTCOME_FAILED, "" },
        { "522", A, REPORT, 522, "", "", OUTCOME_FAILED, "" },
        { "523", A, REPORT, 523, "", "", OUTCOME_FAILED, "" },
        { "524", A, REPORT, 524, "", "", OUTCOME_UNCERTAIN, "" },
        { "525", A, REPORT, 525, "", "", OUTCOME_FAILED, "" },
        { "526", A, REPORT, 526, "", "", OUTCOME_FAILED, "" },
        { "530", A, REPORT, 530, "", "", OUTCOME_FAILED, "" },
        { "another 5xx", A, REPORT, 599, "", "", OUTCOME_UNCERTAIN, "" },
        { "continue, and nothing more", A, REPORT, 100, "", "", OUTCOME_UNCERTAIN, "" },
        { "elsewhere", A, REPORT, 302, "", HTML, OUTCOME_UNCERTAIN, "" },
        { "no status of this world", A, REPORT, 999, "", "", OUTCOME_UNCERTAIN, "" },
        /* AbuseIPDB, clear */
        { "cleared", A, CLEAR, 200, "", "{\"data\":{\"numReportsDeleted\":3}}", OUTCOME_DONE, "3 of our reports removed" },
        { "nothing to clear", A, CLEAR, 200, "", "{\"data\":{\"numReportsDeleted\":0}}", OUTCOME_DONE, "0 of our" },
        { "clear, quota", A, CLEAR, 429, "", A_ERROR(429, "Daily rate limit of 5 requests exceeded"), OUTCOME_QUOTA, "" },
        /* VirusTotal, vote */
        { "voted", V, VOTE, 200, "", V_VOTE, OUTCOME_DONE, "" },
        { "voted, cut", V, VOTE, 200, "", "{\"data\":{\"ty", OUTCOME_DONE, "" },
        { "voted before", V, VOTE, 409, "",
          V_ERROR("AlreadyExistsError", "User \\\"UserName\\\" already voted \\\"harmless\\\" for this ip_address"), OUTCOME_DONE,
          "already voted \"harmless\"" },
        { "voted before, a page", V, VOTE, 409, "", HTML, OUTCOME_DONE, "" },
        { "a page for a vote", V, VOTE, 200, "", HTML, OUTCOME_UNCERTAIN, "" },
        { "bad request", V, VOTE, 400, "", V_ERROR("BadRequestError", "b"), OUTCOME_REFUSED, "b" },
        { "bad argument", V, VOTE, 400, "", V_ERROR("InvalidArgumentError", "b"), OUTCOME_REFUSED, "" },
        { "unselective", V, VOTE, 400, "", V_ERROR("UnselectiveContentQueryError", "b"), OUTCOME_REFUSED, "" },
        { "unsupported", V, VOTE, 400, "", V_ERROR("UnsupportedContentQueryError", "b"), OUTCOME_REFUSED, "" },
        { "later", V, VOTE, 400, "", V_ERROR("NotAvailableYet", "b"), OUTCOME_FAILED, "b" },
        { "later, cut", V, VOTE, 400, "", "{\"error\":{\"code\":\"NotAvailableYet\",", OUTCOME_FAILED, "" },
        { "a code in a message is none", V, VOTE, 400, "", V_ERROR("BadRequestError", "NotAvailableYet"), OUTCOME_REFUSED, "" },
        { "no key", V, VOTE, 401, "", V_ERROR("AuthenticationRequiredError", "X-Apikey header is missing"), OUTCOME_KEY, "X-Apikey" },
        { "not active", V, VOTE, 401, "", V_ERROR("UserNotActiveError", "m"), OUTCOME_KEY, "m" },
        { "wrong key", V, VOTE, 401, "", V_ERROR("WrongCredentialsError", "m"), OUTCOME_KEY, "m" },
        { "wrong key, a page", V, VOTE, 401, "", HTML, OUTCOME_KEY, "" },
        { "wrong key, another status", V, VOTE, 400, "", V_ERROR("WrongCredentialsError", "m"), OUTCOME_KEY, "" },
        { "forbidden", V, VOTE, 403, "", V_ERROR("ForbiddenError", "m"), OUTCOME_KEY, "m" },
        { "somebody's 403", V, VOTE, 403, "", HTML, OUTCOME_FORBIDDEN, "" },
        { "plan", V, VOTE, 402, "", "", OUTCOME_PLAN, "" },
        { "not found", V, VOTE, 404, "", V_ERROR("NotFoundError", "m"), OUTCOME_REFUSED, "m" },
        { "dependency", V, VOTE, 424, "", V_ERROR("FailedDependencyError", "m"), OUTCOME_FAILED, "m" },
        { "quota", V, VOTE, 429, "", V_ERROR("QuotaExceededError", "Quota exceeded"), OUTCOME_QUOTA, "Quota exceeded" },
        { "quota, with header", V, VOTE, 429, "Retry-After: 17", V_ERROR("TooManyRequestsError", "m"), OUTCOME_QUOTA, "m" },
        { "quota, said to be gzip", V, VOTE, 429, "Content-Encoding: gzip", "Quota exceeded", OUTCOME_QUOTA, "Quota exceeded" },
        { "transient", V, VOTE, 503, "", V_ERROR("TransientError", "m"), OUTCOME_FAILED, "m" },
        { "deadline", V, VOTE, 504, "", V_ERROR("DeadlineExceededError", "m"), OUTCOME_UNCERTAIN, "m" },
        /* VirusTotal, comment */
        { "commented", V, COMMENT, 200, "", V_COMMENT, OUTCOME_DONE, "" },
        { "commented, cut", V, COMMENT, 200, "", "{\"data\":{\"type\":\"comment\",\"id\":\"i-3fff::1-a6", OUTCOME_DONE, "" },
        { "commented, hostile id", V, COMMENT, 200, "", "{\"data\":{\"id\":\"../../users/me?x=\"}}", OUTCOME_DONE, "" },
        { "commented, id is a number", V, COMMENT, 200, "", "{\"data\":{\"id\":7}}", OUTCOME_DONE, "" },
        { "commented before", V, COMMENT, 409, "", V_ERROR("AlreadyExistsError", "Duplicate comment"), OUTCOME_DUPLICATE, "Duplicate" },
        { "empty", V, COMMENT, 200, "", "", OUTCOME_UNCERTAIN, "" },
        /* VirusTotal, delete */
        { "deleted", V, DELETE, 200, "", "", OUTCOME_DONE, "" },
        { "deleted, no content", V, DELETE, 204, "", "", OUTCOME_DONE, "" },
        { "deleted, with data", V, DELETE, 200, "", "{\"data\":{}}", OUTCOME_DONE, "" },
        { "deleted, an object", V, DELETE, 200, "", "{}", OUTCOME_DONE, "" },
        { "gone already", V, DELETE, 404, "", V_ERROR("NotFoundError", "Comment not found"), OUTCOME_DONE, "not found" },
        { "no such place", V, DELETE, 404, "", HTML, OUTCOME_REFUSED, "" },
        { "a page", V, DELETE, 200, "", HTML, OUTCOME_UNCERTAIN, "" },
        { "an error with 200", V, DELETE, 200, "", V_ERROR("X", "m"), OUTCOME_UNCERTAIN, "m" },
        { "conflict", V, DELETE, 409, "", "", OUTCOME_REFUSED, "" },
};

static const Service *service_of(const char *name)
{
        return strcmp(name, A) == 0 ? &SERVICE_ABUSEIPDB : &SERVICE_VIRUSTOTAL;
}

static void take_headers(Answer *answer, const char *lines)
{
        while (*lines) {
                size_t length = strcspn(lines, "\n");
                char line[128];

                snprintf(line, sizeof line, "%.*s\r\n", (int) length, lines);
                answer_header(answer, line, strlen(line));
                lines += length + (lines[length] == '\n');
        }
}

static Settlement settle(const char *service, const char *text, const Answer *answer)
{
        _cleanup_(work_clear) Work work = work_of(text);
        Settlement settlement;

        check_int(service_settle(service_of(service), &work, work.n_items, answer, &settlement), 0);
        check_int(settlement.claim, work.claim);
        check_int(settlement.status, answer->status);
        check(text_is_printable(settlement.text) && strlen(settlement.text) < ANSWER_TEXT_MAX);
        json_auto_t *json = settlement_json(&settlement);
        check(json);
        check_text(json_string_value(json_object_get(json, "outcome")), outbox_outcome_name(settlement.outcome));
        return settlement;
}

static void test_answers(void)
{
        for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
                const Case *one = &CASES[i];
                Answer answer = ANSWER_NULL;

                answer.status = one->status;
                answer.sent = true;
                take_headers(&answer, one->headers);
                answer.size = strlen(one->body);
                _cleanup_free_ char *body = malloc(answer.size ? answer.size : 1); /* so a sanitizer sees who reads on */
                memcpy(body, one->body, answer.size);
                answer.body = body;
                Settlement settlement = settle(one->service, one->work, &answer);
                if (settlement.outcome != one->outcome || !strstr(settlement.text, one->text)) {
                        fprintf(stderr, "%s %u, %s: %s \"%s\", expected %s \"%s\"\n", one->service, one->status, one->what,
                                outbox_outcome_name(settlement.outcome), settlement.text, outbox_outcome_name(one->outcome), one->text);
                        abort();
                }
                check_int(settlement.n_errors, 0);
                settlement_clear(&settlement);
        }
}

static void test_receipts(void)
{
        static const struct {
                const char *body;
                int64_t score;
        } scores[] = { { A_DONE, 52 },
                       { "{\"data\":{\"abuseConfidenceScore\":0}}", 0 },
                       { "{\"data\":{\"abuseConfidenceScore\":100}}", 100 },
                       { "{\"data\":{\"abuseConfidenceScore\":101}}", -1 },
                       { "{\"data\":{\"abuseConfidenceScore\":-1}}", -1 },
                       { "{\"data\":{\"abuseConfidenceScore\":\"52\"}}", -1 },
                       { "{\"data\":{\"abuseConfidenceScore\":99999999999999999999}}", -1 },
                       { "{\"data\":{}}", -1 } };
        static const struct {
                const char *body, *id;
        } ids[] = { { V_COMMENT, "i-3fff::1-a68784ad" },
                    { "{\"data\":{\"id\":\"../x\"}}", "" },
                    { "{\"data\":{\"id\":\"a b\"}}", "" },
                    { "{\"data\":{\"id\":\"\"}}", "" },
                    { "{\"data\":{\"id\":null}}", "" } };
        char long_id[400];

        for (size_t i = 0; i < sizeof scores / sizeof *scores; i++) {
                Answer answer = ANSWER_NULL;

                answer.status = 200;
                answer.body = scores[i].body;
                answer.size = strlen(answer.body);
                Settlement settlement = settle(A, REPORT, &answer);
                check_int(settlement.outcome, OUTCOME_DONE);
                check_int(settlement.score, scores[i].score);
                json_auto_t *json = settlement_json(&settlement);
                check((json_object_get(json, "score") != NULL) == (scores[i].score >= 0));
        }
        for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
                Answer answer = ANSWER_NULL;

                answer.status = 200;
                answer.body = ids[i].body;
                answer.size = strlen(answer.body);
                check_text(settle(V, COMMENT, &answer).comment_id, ids[i].id);
        }
        for (size_t length = ANSWER_ID_MAX - 1; length <= ANSWER_ID_MAX; length++) {
                Answer answer = ANSWER_NULL;

                answer.status = 200;
                answer.body = long_id;
                answer.size = (size_t) snprintf(long_id, sizeof long_id, "{\"data\":{\"id\":\"%0*d\"}}", (int) length, 7);
                check_int(strlen(settle(V, COMMENT, &answer).comment_id), length < ANSWER_ID_MAX ? length : 0);
        }
}

/* No status at all: what counts is whether the request had gone. */
static void test_transport(void)
{
        static const struct {
                const char *error;
                bool sent;
        } ends[] = { { "Could not resolve host: api.example", false },
                     { "Failed to connect to api.example port 443: Connection refused", false },
                     { "SSL certificate problem: self-signed certificate", false },
                     { "Operation timed out after 300000 milliseconds with 0 bytes received", true },
                     { "Operation timed out after 10000 milliseconds", false },
                     { "Recv failure: Connection reset by peer", true },
                     { "Send failure: Connection reset by peer", false } };

        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
                Answer answer = ANSWER_NULL;

                answer.sent = ends[i].sent;
                answer.error = ends[i].error;
                Settlement settlement = settle(i % 2 ? V : A, i % 2 ? VOTE : REPORT, &answer);
                check_int(settlement.outcome, ends[i].sent ? OUTCOME_UNCERTAIN : OUTCOME_FAILED);
                check_text(settlement.text, ends[i].error);
        }
}

static void test_headers(void)
{
        static const struct {
                const char *line;
                int64_t value;
        } lines[] = { { "Retry-After: 29241\r\n", 29241 }, { "RETRY-AFTER:29241", 29241 }, { "retry-after: \t 7 \t\r\n", 7 },
                      { "Retry-After: 99999999999\r\n", 99999999999 }, { "Retry-After: 100000000000\r\n", -1 },
                      { "Retry-After: 99999999999999999999999999\r\n", -1 }, { "Retry-After: -1\r\n", -1 }, { "Retry-After: 1.5\r\n", -1 },
                      { "Retry-After:\r\n", -1 }, { "Retry-After: 0x10\r\n", -1 } };
        Answer answer = ANSWER_NULL;

        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
                answer = ANSWER_NULL;
                answer_header(&answer, lines[i].line, strlen(lines[i].line));
                check_int(answer.retry_after, lines[i].value);
                check(answer.retry_header);
        }
        answer = ANSWER_NULL;
        take_headers(&answer, "X-Retry-After: 1\nRetry-Afte: 1\nRetry-After\n:\n\nX-RateLimit-Limit 5");
        check(!answer.retry_header && answer.retry_after == -1 && answer.limit == -1);
        /* What a proxy or an interim answer said is forgotten. */
        take_headers(&answer, "HTTP/1.1 100 Continue\nRetry-After: 3\nX-RateLimit-Remaining: 9\nHTTP/1.1 200 OK\nX-RateLimit-Limit: 5\n"
                              "X-RateLimit-Reset: 1545973200");
        check(!answer.retry_header);
        check_int(answer.retry_after, -1);
        check_int(answer.remaining, -1);
        check_int(answer.limit, 5);
        answer.status = 429;
        Settlement settlement = settle(A, REPORT, &answer);
        json_auto_t *json = settlement_json(&settlement);
        check_int(json_integer_value(json_object_get(json, "limit")), 5);
        check_int(json_integer_value(json_object_get(json, "reset")), 1545973200);
        check(!json_object_get(json, "remaining") && !json_object_get(json, "retry_after") && !json_object_get(json, "text"));
}

static void test_long_texts(void)
{
        char detail[2000], body[2200];
        Answer answer = ANSWER_NULL;
        _cleanup_free_ char *huge = malloc(REQUEST_ANSWER_MAX);

        answer.status = 422;
        for (size_t i = 0; i < sizeof detail - 1; i++)
                detail[i] = "\xc3\xa9"[i % 2];
        detail[sizeof detail - 2] = '\0';
        answer.body = body;
        answer.size = (size_t) snprintf(body, sizeof body, "{\"errors\":[{\"detail\":\"%s\"}]}", detail);
        Settlement settlement = settle(A, REPORT, &answer);
        check_int(strlen(settlement.text), 300);
        check(text_is_printable(settlement.text));
        memset(huge, '[', REQUEST_ANSWER_MAX); /* deeper than any parser goes */
        answer.body = huge;
        answer.size = REQUEST_ANSWER_MAX;
        check_int(settle(A, REPORT, &answer).outcome, OUTCOME_REFUSED);
        memset(huge, '\0', REQUEST_ANSWER_MAX);
        check_int(settle(V, VOTE, &answer).outcome, OUTCOME_REFUSED);
}

/* ---- the rows of a bulk ---- */

static void check_rows(const char *rows, const char *text, size_t n, const RowError *expected)
{
        char body[1000];
        Answer answer = ANSWER_NULL;

        answer.status = 200;
        answer.body = body;
        answer.size = (size_t) snprintf(body, sizeof body, "{\"data\":{\"savedReports\":2%s%s}}", *rows ? ",\"invalidReports\":" : "", rows);
        Settlement settlement = settle(A, BULK, &answer);
        check_int(settlement.outcome, OUTCOME_DONE);
        check_contains(settlement.text, text);
        check_int(settlement.n_errors, n);
        for (size_t i = 0; i < n; i++) {
                check_int(settlement.errors[i].report, expected[i].report);
                check_text(settlement.errors[i].text, expected[i].text);
        }
        settlement_clear(&settlement);
}

#define ROW(error, input, number) "{\"error\":\"" error "\",\"input\":\"" input "\",\"rowNumber\":" #number "}"

static void test_rows(void)
{
        check_rows("", "2 of 4 rows saved", 0, NULL);
        check_rows("[]", "2 of 4 rows saved", 0, NULL);
        check_rows("null", "2 of 4 rows saved", 0, NULL);
        check_rows("{\"a\":7}", "2 of 4 rows saved", 0, NULL);
        check_rows("[" ROW("Duplicate IP", "203.0.113.5", 2) "," ROW("Invalid Category", "3fff:0:0::1", 3) "]", "2 of 4 rows saved", 2,
                   (RowError[]){ { 21, "Duplicate IP" }, { 22, "Invalid Category" } });
        /* The same address twice: the line says which. */
        check_rows("[" ROW("Duplicate IP", "203.0.113.6", 5) "]", "2 of 4", 1, (RowError[]){ { 24, "Duplicate IP" } });
        check_rows("[" ROW("Duplicate IP", "203.0.113.6", 4) "]", "2 of 4", 1, (RowError[]){ { 23, "Duplicate IP" } });
        /* What was sent may be shown as something else: the line counts. */
        check_rows("[" ROW("Invalid Date", "2026-11-29", 4) "]", "2 of 4", 1, (RowError[]){ { 23, "Invalid Date" } });
        check_rows("[{\"rowNumber\":4}]", "2 of 4", 1, (RowError[]){ { 23, "not accepted" } });
        /* The line is off by one, or missing: an address that stands once counts. */
        check_rows("[" ROW("x", "3fff::1", 2) "]", "2 of 4", 1, (RowError[]){ { 22, "x" } });
        check_rows("[" ROW("x", "3fff::1", 99) "]", "2 of 4", 1, (RowError[]){ { 22, "x" } });
        check_rows("[{\"error\":\"x\",\"input\":\"3fff::1\"}]", "2 of 4", 1, (RowError[]){ { 22, "x" } });
        check_rows("[{\"error\":\"x\",\"input\":\"3fff::1\",\"rowNumber\":\"2\"}]", "2 of 4", 1, (RowError[]){ { 22, "x" } });
        /* Nothing to tie them to. */
        check_rows("[" ROW("x", "203.0.113.6", 99) "," ROW("x", "foo", 1) "," ROW("x", "foo", 6) ",7,{\"error\":7},"
                   "{\"error\":\"x\",\"input\":\"203.0.113.77\"},{\"rowNumber\":-9223372036854775808}]",
                   "4 rows sent, 0 not saved, and 7 named that are none of them", 0, NULL);
        /* What only the courier can say. */
        check_rows("[" ROW("not sent", "203.0.113.5", 2) "," ROW("not\\nsent", "3fff::1", 3) "]", "2 of 4", 2,
                   (RowError[]){ { 21, "not accepted: not sent" }, { 22, "not accepted: not sent" } });
        /* Twice the same. */
        check_rows("[" ROW("x", "203.0.113.5", 2) "," ROW("y", "203.0.113.5", 2) "]", "and 1 named", 1, (RowError[]){ { 21, "x" } });
        check_rows("[{\"error\":\"a\\u001bb\",\"rowNumber\":2}]", "2 of 4", 1, (RowError[]){ { 21, "a\\x1bb" } });

        Answer answer = ANSWER_NULL;
        /* A page that speaks of the window is no word on thousands of addresses. */
        answer.status = 429;
        answer.body = "You can only report the same IP address (`203.0.113.5`) once in 15 minutes.";
        answer.size = strlen(answer.body);
        check_int(settle(A, BULK, &answer).outcome, OUTCOME_BUSY);
        check_int(settle(A, REPORT, &answer).outcome, OUTCOME_DUPLICATE);
        answer.status = 200;
        answer.body = "{\"data\":{\"savedReports\":2,\"invalidReports\":[{\"error\":\"Dup";
        answer.size = strlen(answer.body);
        Settlement settlement = settle(A, BULK, &answer);
        check_int(settlement.outcome, OUTCOME_DONE);
        check_contains(settlement.text, "cut off");
        check_int(settlement.n_errors, 0);
}

/* ---- keys ---- */

static char directory[] = "/tmp/bailiff-test-courier-XXXXXX";

static void write_key(const char *path, const char *text, mode_t mode)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        check(fd >= 0);
        check_int(write(fd, text, strlen(text)), strlen(text));
        check_int(fchmod(fd, mode), 0);
        close(fd);
}

static void check_key(const char *file, const char *credentials, int r, const char *part)
{
        Key key = { "untouched" };
        Problem problem = { "" };

        check_int(key_read("abuseipdb", file, credentials, &key, &problem), r);
        check_contains(r < 0 ? problem.text : key.text, part);
        if (r < 0)
                check_text(key.text, "untouched");
        check(!strstr(problem.text, "sEcrEt"));
        key_clear(&key);
        for (size_t i = 0; i < sizeof key; i++)
                check_int(((const char *) &key)[i], 0);
}

static void test_keys(void)
{
        char path[100], link[100], mend[300];
        char long_key[KEY_MAX + 3];

        check(mkdtemp(directory));
        snprintf(path, sizeof path, "%s/abuseipdb.key", directory);
        snprintf(link, sizeof link, "%s/link", directory);
        snprintf(mend, sizeof mend, "chown root:bailiff-courier %s && chmod 640 %s", path, path);
        check_key(path, NULL, -ENOENT, mend);
        write_key(path, "sEcrEt-0123456789\n", 0640);
        check_key(path, NULL, 0, "sEcrEt-0123456789");
        check_key(path, "/nowhere", 0, "sEcrEt-0123456789");
        check_key(NULL, directory, 0, "sEcrEt-0123456789");
        static const mode_t others[] = { 0644, 0642, 0641, 0604, 0666 };
        for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
                check_int(chmod(path, others[i]), 0);
                check_key(path, NULL, -EPERM, mend);
        }
        check_key(NULL, directory, 0, "sEcrEt-0123456789"); /* systemd knows what it does */
        check_int(symlink(path, link), 0);
        check_key(link, NULL, -ELOOP, "symbolic link");
        check_int(unlink(link), 0);
        check_int(mkfifo(link, 0600), 0); /* does not wait for a writer */
        check_key(link, NULL, -EINVAL, "no regular file");
        check_int(unlink(link), 0);
        check_key(directory, NULL, -EINVAL, "no regular file");
        check_key(NULL, NULL, -ENOENT, "LoadCredential=");
        check_key(NULL, "", -ENOENT, "key_file");
        check_int(unlink(path), 0);
        check_key(NULL, directory, -ENOENT, "abuseipdb.key");
        static const char *const bad[] = { "", "\n", "sEcrEt-tooshort", "sEcrEt 0123456789", "sEcrEt-0123456789\n\n", "sEcrEt-0123456789\nmore\n",
                                           "\xef\xbb\xbfsEcrEt-0123456789", "sEcrEt-0123456789\t", "sEcrEt\x7f-0123456789", "\"sEcrEt-0123456789\"", "'sEcrEt-0123456789'" };
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                write_key(path, bad[i], 0600);
                check_key(path, NULL, -EBADMSG, "one line of 16 to 256");
        }
        write_key(path, "sEcrEt-0123456789\r\n", 0600);
        check_key(path, NULL, 0, "sEcrEt-0123456789");
        memset(long_key, 'k', sizeof long_key);
        long_key[KEY_MAX] = '\0';
        write_key(path, long_key, 0600);
        check_key(path, NULL, 0, long_key);
        long_key[KEY_MAX] = 'k';
        long_key[KEY_MAX + 1] = '\0';
        write_key(path, long_key, 0600);
        check_key(path, NULL, -EBADMSG, "one line");
        check_int(unlink(path), 0);
        check_int(rmdir(directory), 0);
}

int main(void)
{
        test_work();
        test_requests();
        test_csv();
        test_csv_cut();
        test_answers();
        test_receipts();
        test_transport();
        test_headers();
        test_long_texts();
        test_rows();
        test_keys();
        printf("%zu answers\n", sizeof CASES / sizeof *CASES);
        return EXIT_SUCCESS;
}
