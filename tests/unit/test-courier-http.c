/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Requests to a server on this host that breaks off at every place where one can. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "build-config.h"
#include "courier/http.h"
#include "test.h"
#include "util/text.h"
#include "util/clock.h"

#define HUGE_SIZE (32u * 1024 * 1024) /* more than sockets buffer */

static char directory[] = "/tmp/bailiff-test-http-XXXXXX";
static char ca_file[100], key_log[100];
static unsigned tls_port, mute_port, reset_port, old_port, no_port;
static sd_event *event;
static Http *http;
static pid_t server;
static int server_input;

/* ---- the server ---- */

static void start_server(void)
{
        int input[2], output[2];
        char program[4096], text[100] = "";
        const char *root = getenv("SOURCE_ROOT");

        snprintf(program, sizeof program, "%s/tests/unit/tls-server", root ? root : ".");
        check_int(pipe2(input, O_CLOEXEC), 0);
        check_int(pipe2(output, O_CLOEXEC), 0);
        server = fork();
        check(server >= 0);
        if (server == 0) {
                dup2(input[0], STDIN_FILENO);
                dup2(output[1], STDOUT_FILENO);
                execlp("python3", "python3", program, directory, NULL);
                _exit(127);
        }
        close(input[0]);
        close(output[1]);
        server_input = input[1];
        for (size_t n = 0; !strchr(text, '\n');) {
                ssize_t got = read(output[0], text + n, sizeof text - 1 - n);

                check(got > 0);
                n += (size_t) got;
        }
        close(output[0]);
        check_int(sscanf(text, "%u %u %u %u", &tls_port, &mute_port, &reset_port, &old_port), 4);
}

/* What a host may allow: then the courier alone refuses what is older than TLS 1.2. */
static void allow_old_tls(void)
{
        static const char text[] = "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = old\n[old]\n"
                                   "MinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n";
        char path[120];

        snprintf(path, sizeof path, "%s/openssl.cnf", directory);
        check_int(text_write_file(path, text, sizeof text - 1, 0600), 0);
        check_int(setenv("OPENSSL_CONF", path, 1), 0);
}

static void stop_server(void)
{
        int status;

        close(server_input);
        check_int(waitpid(server, &status, 0), server);
        check_int(status, 0);
}

/* A port on which nobody listens, as long as it is held. */
static int hold_port(void)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
        socklen_t size = sizeof address;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        check_int(bind(fd, (struct sockaddr *) &address, size), 0);
        check_int(getsockname(fd, (struct sockaddr *) &address, &size), 0);
        no_port = ntohs(address.sin_port);
        return fd;
}

/* ---- one exchange ---- */

typedef struct Exchange {
        bool done;
        unsigned status;
        bool sent, retry_header;
        int64_t limit, remaining;
        char body[REQUEST_ANSWER_MAX + 1];
        size_t size;
        char error[300];
} Exchange;

/* The key stands nowhere in this program as it is. */
static Key test_key(void)
{
        Key key = { "" };

        for (size_t i = 0; i < 40; i++)
                key.text[i] = (char) ('a' + (i * 7 + 3) % 26);
        return key;
}

static void on_done(void *userdata, const Answer *answer)
{
        Exchange *exchange = userdata;

        check(!exchange->done);
        exchange->done = true;
        exchange->status = answer->status;
        exchange->sent = answer->sent;
        exchange->retry_header = answer->retry_header;
        exchange->limit = answer->limit;
        exchange->remaining = answer->remaining;
        check(answer->size <= REQUEST_ANSWER_MAX);
        memcpy(exchange->body, answer->body, answer->size);
        exchange->body[answer->size] = '\0';
        exchange->size = answer->size;
        snprintf(exchange->error, sizeof exchange->error, "%s", answer->error);
}

static Transfer *post(Exchange *exchange, const char *url, char *body, size_t size, const HttpOptions *options)
{
        const Request request = { .method = body ? "POST" : "DELETE", .url = (char *) (uintptr_t) url, .body = body, .size = size,
                                  .type = body ? "text/plain" : NULL, .answer_max = REQUEST_ANSWER_MAX };
        _cleanup_(key_clear) Key key = test_key();
        Transfer *transfer;

        *exchange = (Exchange){ 0 };
        check_int(http_send(http, &request, "Key", &key, options, on_done, exchange, &transfer), 0);
        check(!exchange->done);
        return transfer;
}

static void wait_for(const Exchange *exchange)
{
        while (!exchange->done)
                check(sd_event_run(event, 20 * (uint64_t) USEC_PER_SEC) > 0);
}

static HttpOptions options_of(int64_t timeout)
{
        return (HttpOptions){ .ca_file = ca_file, .timeout = timeout };
}

static void exchange_with(Exchange *exchange, unsigned port, const char *path, const HttpOptions *options)
{
        char url[100], body[] = "hello";

        snprintf(url, sizeof url, "https://127.0.0.1:%u%s", port, path);
        post(exchange, url, body, 5, options);
        wait_for(exchange);
}

static Exchange *ask(const char *path)
{
        static Exchange exchange;
        const HttpOptions options = options_of(30);

        exchange_with(&exchange, tls_port, path, &options);
        return &exchange;
}

static void unhex(const char *hex, char *text)
{
        for (unsigned byte; sscanf(hex, "%2x", &byte) == 1; hex += 2)
                *text++ = (char) byte;
        *text = '\0';
}

/* ---- tests ---- */

static void test_request(void)
{
        _cleanup_(key_clear) Key key = test_key();
        char head[1000], body[100], expected[1000], url[100];
        Exchange *exchange = ask("/ok");
        json_auto_t *json = json_loads(exchange->body, 0, NULL);
        const json_t *data = json_object_get(json, "data");

        check_int(exchange->status, 200);
        check_int(exchange->limit, 1000);
        check_int(exchange->remaining, 999);
        unhex(json_string_value(json_object_get(data, "head")), head);
        unhex(json_string_value(json_object_get(data, "body")), body);
        snprintf(expected, sizeof expected,
                 "POST /ok HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nKey: %s\r\nAccept: application/json\r\nUser-Agent: bailiff/" BAILIFF_VERSION
                 "\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n",
                 tls_port, key.text);
        check_text(head, expected);
        check_text(body, "hello");
        int connection = (int) json_integer_value(json_object_get(data, "connection"));

        /* Without a body; and on the same connection. */
        static Exchange second;
        const HttpOptions options = options_of(30);
        snprintf(url, sizeof url, "https://127.0.0.1:%u/ok", tls_port);
        post(&second, url, NULL, 0, &options);
        wait_for(&second);
        json_auto_t *again = json_loads(second.body, 0, NULL);
        unhex(json_string_value(json_object_get(json_object_get(again, "data"), "head")), head);
        snprintf(expected, sizeof expected,
                 "DELETE /ok HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nKey: %s\r\nAccept: application/json\r\nUser-Agent: bailiff/" BAILIFF_VERSION
                 "\r\n\r\n",
                 tls_port, key.text);
        check_text(head, expected);
        check_int(json_integer_value(json_object_get(json_object_get(again, "data"), "connection")), connection);
        explicit_bzero(head, sizeof head);
        explicit_bzero(expected, sizeof expected);
}

static void check_end(const char *path, unsigned status, bool sent, const char *body, const char *error)
{
        Exchange *exchange = ask(path);

        check_int(exchange->status, status);
        check_int(exchange->sent, sent);
        check_text(exchange->body, body);
        check_contains(exchange->error, error);
}

static void test_ends(void)
{
        check_end("/close", 0, true, "", "");
        check_end("/half", 200, true, "{\"data\":{\"ipAddress\":\"203.", "");
        check_end("/half-status", 0, true, "", "");
        check_end("/garbage", 0, true, "", "");
        check_end("/redirect", 302, true, "", "");
        check_end("/gzip", 200, true, "{\"data\":{}}", "");
        check_end("/continue", 200, true, "{\"data\":{}}", "");
        check(!ask("/continue")->retry_header);
        check_end("/chunked", 200, true, "{\"data\":{}}", "");
        check_end("/nowhere", 404, true, "", "");
        check_int(ask("/big")->size, REQUEST_ANSWER_MAX);
        check_int(ask("/big")->status, 200);
        check_int(ask("/headers")->size, 0);
}

static void test_not_sent(void)
{
        static Exchange exchange;
        HttpOptions options = options_of(30);
        char url[100], proxy[100];
        _cleanup_free_ char *huge = calloc(1, HUGE_SIZE);

        exchange_with(&exchange, no_port, "/ok", &options);
        check(!exchange.sent && exchange.status == 0);
        check_contains(exchange.error, "connect");
        exchange_with(&exchange, old_port, "/ok", &options); /* TLS 1.1 */
        check(!exchange.sent && exchange.status == 0);
        check_contains(exchange.error, "protocol version");
        options.ca_file = NULL; /* not one of the system's */
        exchange_with(&exchange, tls_port, "/ok", &options);
        check(!exchange.sent && exchange.status == 0);
        check_contains(exchange.error, "certificate");
        options.ca_file = "/nowhere/ca.pem";
        exchange_with(&exchange, tls_port, "/ok", &options);
        check(!exchange.sent && exchange.status == 0);
        check_contains(exchange.error, "/nowhere/ca.pem");
        options = options_of(30); /* the certificate is for 127.0.0.1 */
        snprintf(url, sizeof url, "https://localhost:%u/ok", tls_port);
        post(&exchange, url, huge, 5, &options);
        wait_for(&exchange);
        check(!exchange.sent && exchange.status == 0);
        snprintf(url, sizeof url, "http://127.0.0.1:%u/ok", tls_port); /* not in clear */
        post(&exchange, url, huge, 5, &options);
        wait_for(&exchange);
        check(!exchange.sent && exchange.status == 0);
        check_contains(exchange.error, "disabled");
        post(&exchange, "https://no..such/ok", huge, 5, &options);
        wait_for(&exchange);
        check(!exchange.sent && exchange.status == 0);
        snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", no_port);
        options.proxy = proxy;
        exchange_with(&exchange, tls_port, "/ok", &options);
        check(!exchange.sent && exchange.status == 0);
        options = options_of(1); /* connected, and no word of TLS */
        exchange_with(&exchange, mute_port, "/ok", &options);
        check(!exchange.sent && exchange.status == 0);
        check_contains(exchange.error, "time");
        options = options_of(30); /* broken off in the middle of the request */
        snprintf(url, sizeof url, "https://127.0.0.1:%u/ok", reset_port);
        post(&exchange, url, huge, HUGE_SIZE, &options);
        wait_for(&exchange);
        check(!exchange.sent && exchange.status == 0);
}

/* One that gets no answer holds up nobody; ended from outside, it was sent. */
static void test_beside(void)
{
        static Exchange silent, cancelled, early;
        HttpOptions options = options_of(2);
        char url[100], mute[100], body[] = "hello";

        snprintf(url, sizeof url, "https://127.0.0.1:%u/silent", tls_port);
        snprintf(mute, sizeof mute, "https://127.0.0.1:%u/ok", mute_port);
        post(&silent, url, body, 5, &options);
        Transfer *transfer = post(&cancelled, url, body, 5, &options);
        Transfer *young = post(&early, mute, body, 5, &options);
        for (int i = 0; i < 20; i++)
                check_int(ask("/ok")->status, 200);
        http_cancel(young);
        check(early.done && !early.sent);
        for (int i = 0; i < 5; i++) /* it is under way for sure */
                check_int(ask("/ok")->status, 200);
        while (!silent.done && !cancelled.sent) {
                static Exchange count;
                const HttpOptions patient = options_of(30);

                exchange_with(&count, tls_port, "/count", &patient);
                const char *first = strstr(count.body, "/silent");
                if (first && strstr(first + 1, "/silent"))
                        break;
        }
        http_cancel(transfer);
        check(cancelled.done && cancelled.sent && cancelled.status == 0);
        wait_for(&silent);
        check(silent.sent && silent.status == 0);
        check_contains(silent.error, "timed out");
}

/* A connection that breaks under a second request: libcurl would send that again. */
static void test_once(void)
{
        size_t n = 0;

        check_int(ask("/ok")->status, 200);
        check_end("/close", 0, true, "", "");
        Exchange *exchange = ask("/count");
        json_auto_t *json = json_loads(exchange->body, 0, NULL);
        size_t i;
        json_t *path;
        json_array_foreach(json_object_get(json_object_get(json, "data"), "seen"), i, path)
        {
                const char *text = json_string_value(path);

                check(strcmp(text, "/elsewhere") != 0);
                n += strcmp(text, "/close") == 0;
        }
        check_int(n, 2); /* this one, and that of test_ends() */
}

/* No byte of memory that can be written holds the key when all is over. */
static void test_wiped(void)
{
        _cleanup_fclose_ FILE *maps = fopen("/proc/self/maps", "re");
        int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
        char line[512], part[4096 + 64];
        size_t searched = 0;

        check(maps && memory >= 0);
        while (fgets(line, sizeof line, maps)) {
                unsigned long start, end;
                char rights[5];

                check_int(sscanf(line, "%lx-%lx %4s", &start, &end, rights), 3);
                if (rights[0] != 'r' || rights[1] != 'w' || strstr(line, "[stack]") || end - start > (1ul << 32))
                        continue;
                for (unsigned long at = start; at < end; at += 4096) {
                        ssize_t n = pread(memory, part, sizeof part, (off_t) at);

                        for (ssize_t i = 0; i + 40 <= n; i++) {
                                size_t k = 0;

                                while (k < 40 && part[i + (ssize_t) k] == (char) ('a' + (k * 7 + 3) % 26))
                                        k++;
                                check(k < 40);
                        }
                        searched += n > 0 ? (size_t) n : 0;
                }
                explicit_bzero(part, sizeof part);
        }
        close(memory);
        check(searched > 100000);
}

/* A page that shows the key does not bring it further than the TLS library's memory. */
static void test_echo(void)
{
        Exchange *exchange = ask("/echo");

        check_int(exchange->status, 422);
        check_text(exchange->body, "<title>Key: ****************************************</title>");
}

int main(void)
{
        int held;

        signal(SIGPIPE, SIG_DFL);
        check(mkdtemp(directory));
        snprintf(ca_file, sizeof ca_file, "%s/cert.pem", directory);
        snprintf(key_log, sizeof key_log, "%s/keylog", directory);
        setenv("SSLKEYLOGFILE", key_log, 1);
        setenv("https_proxy", "http://127.0.0.1:1", 1); /* does not count */
        setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
        start_server();
        allow_old_tls();
        held = hold_port();
        check(sd_event_new(&event) >= 0);
        check_int(http_new(event, &http), 0);
        test_request();
        test_ends();
        test_once();
        test_not_sent();
        test_beside();
        static Exchange left;
        const HttpOptions options = options_of(30);
        char url[100], body[] = "x";
        snprintf(url, sizeof url, "https://127.0.0.1:%u/silent", tls_port);
        post(&left, url, body, 1, &options);
        check(sd_event_run(event, 0) >= 0);
        http = http_free(http); /* with one under way */
        check(!left.done);
        test_wiped();
        check_int(http_new(event, &http), 0);
        test_echo();
        http = http_free(http);
        sd_event_unref(event);
        check_int(access(key_log, F_OK), -1);
        close(held);
        stop_server();
        unlink(ca_file);
        snprintf(ca_file, sizeof ca_file, "%s/tls-key.pem", directory);
        unlink(ca_file);
        snprintf(ca_file, sizeof ca_file, "%s/openssl.cnf", directory);
        unlink(ca_file);
        check_int(rmdir(directory), 0);
        return EXIT_SUCCESS;
}
