/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * libcurl's multi interface on sd-event: libcurl says which sockets it waits
 * for and when it wants to be called, one io source per socket and one timer
 * do that, and no call of it waits.
 *
 * What matters most here is whether a request that brought no answer can have
 * been accepted. libcurl calls PREREQFUNCTION when the connection stands, TLS
 * and all, and the request is about to go: before that it surely was not. After
 * that it was sent whole unless bytes of its body were left over. The same
 * callback keeps libcurl from sending a request twice, which it otherwise does
 * of its own accord when a connection that it had used before breaks under it:
 * a server may well have taken the first one.
 *
 * Keys: libcurl copies headers into buffers of its own. All that it frees is
 * wiped on the way, and VERBOSE is never on. What a server shows of them is
 * starred out before anybody else sees it.
 */

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <curl/curl.h>

#include "build-config.h"
#include "courier/http.h"
#include "util/buffer.h"
#include "util/clock.h"

#define CONNECT_TIMEOUT_SEC 10L
#define IDLE_MAX_SEC 60L /* a connection that was idle for longer may be half dead */
#define HEADERS_MAX (64 * 1024)
#define HEADER_LINE_MAX (KEY_MAX + 64)

struct Http {
        sd_event *event;
        sd_event_source *timer;
        CURLM *multi;
        Transfer *transfers;
};

struct Transfer {
        Http *http;
        Transfer *next;
        CURL *easy;
        struct curl_slist *headers;
        char *request_body;
        size_t request_size, answer_max, headers_size;
        bool begun;             /* the request may have been written to the socket */
        bool again;             /* libcurl wanted to send it a second time */
        Buffer body;
        Answer answer;
        Key key;                /* to find it in an answer */
        char error[CURL_ERROR_SIZE];
        HttpDone done;
        void *userdata;
};

/* ---- memory that is wiped ---- */

static void wiping_free(void *memory)
{
        if (memory)
                explicit_bzero(memory, malloc_usable_size(memory));
        free(memory);
}

static void *wiping_realloc(void *memory, size_t size)
{
        size_t old = memory ? malloc_usable_size(memory) : 0;
        void *new = malloc(size ? size : 1);

        if (!new)
                return NULL;
        if (memory)
                memcpy(new, memory, old < size ? old : size);
        wiping_free(memory);
        return new;
}

static int global_init(void)
{
        static bool done;

        if (done)
                return 0;
        /* It would write what decrypts our traffic into a file. */
        unsetenv("SSLKEYLOGFILE");
        if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc, strdup, calloc) != CURLE_OK)
                return -EIO;
        done = true;
        return 0;
}

/* ---- the loop ---- */

static void transfer_end(Transfer *transfer, CURLcode code);

static void take_ended(Http *http)
{
        CURLMsg *message;
        int left;

        while ((message = curl_multi_info_read(http->multi, &left)))
                if (message->msg == CURLMSG_DONE) {
                        CURLcode code = message->data.result;
                        char *private = NULL;

                        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
                        transfer_end((Transfer *) (void *) private, code);
                }
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        Http *http = userdata;
        int action = 0, running;

        if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                action |= CURL_CSELECT_IN;
        if (events & (EPOLLOUT | EPOLLERR))
                action |= CURL_CSELECT_OUT;
        curl_multi_socket_action(http->multi, fd, action, &running);
        take_ended(http);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Http *http = userdata;
        int running;

        curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        take_ended(http);
        return 0;
}

static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *userdata, void *socket_data)
{
        Http *http = userdata;
        sd_event_source *source = socket_data;
        uint32_t events = what == CURL_POLL_IN ? EPOLLIN : what == CURL_POLL_OUT ? EPOLLOUT : what == CURL_POLL_INOUT ? EPOLLIN | EPOLLOUT : 0;

        if (what == CURL_POLL_REMOVE) {
                sd_event_source_disable_unref(source);
                curl_multi_assign(http->multi, fd, NULL);
                return 0;
        }
        if (source)
                return sd_event_source_set_io_events(source, events) < 0 ? -1 : 0;
        if (sd_event_add_io(http->event, &source, fd, events, on_io, http) < 0)
                return -1;
        sd_event_source_set_description(source, "courier-http");
        curl_multi_assign(http->multi, fd, source);
        return 0;
}

static int on_timer_wanted(CURLM *multi, long msec, void *userdata)
{
        Http *http = userdata;

        if (msec < 0)
                return sd_event_source_set_enabled(http->timer, SD_EVENT_OFF) < 0 ? -1 : 0;
        if (sd_event_source_set_time_relative(http->timer, (uint64_t) msec * (uint64_t) USEC_PER_MSEC) < 0)
                return -1;
        return sd_event_source_set_enabled(http->timer, SD_EVENT_ONESHOT) < 0 ? -1 : 0;
}

/**
 * http_new() - be ready to send
 *
 * Return: 0 or -errno.
 */
int http_new(sd_event *event, Http **ret_http)
{
        _cleanup_(http_freep) Http *http = calloc(1, sizeof *http);
        int r = http ? global_init() : -ENOMEM;

        if (r < 0)
                return r;
        http->event = sd_event_ref(event);
        http->multi = curl_multi_init();
        if (!http->multi)
                return -ENOMEM;
        r = sd_event_add_time_relative(event, &http->timer, CLOCK_BOOTTIME, 0, 1, on_timer, http);
        if (r >= 0)
                r = sd_event_source_set_enabled(http->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        sd_event_source_set_description(http->timer, "courier-http-timer");
        curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
        curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
        curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
        curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
        curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, 4L);
        *ret_http = steal(http);
        return 0;
}

/* ---- one transfer ---- */

/* Whatever holds the key. What libcurl frees is wiped. */
static void transfer_wipe(Transfer *transfer)
{
        curl_easy_cleanup(transfer->easy);
        transfer->easy = NULL;
        curl_slist_free_all(transfer->headers);
        transfer->headers = NULL;
        key_clear(&transfer->key);
}

static Transfer *transfer_free(Transfer *transfer)
{
        if (!transfer)
                return NULL;
        transfer_wipe(transfer);
        buffer_clear(&transfer->body);
        free(transfer->request_body);
        free(transfer);
        return NULL;
}
DEFINE_CLEANUP(Transfer *, transfer_free)

static void transfer_unlink(Transfer *transfer)
{
        Transfer **place = &transfer->http->transfers;

        while (*place != transfer)
                place = &(*place)->next;
        *place = transfer->next;
        curl_multi_remove_handle(transfer->http->multi, transfer->easy);
}

static bool is_sent(const Transfer *transfer)
{
        curl_off_t uploaded = 0;

        if (!transfer->begun)
                return false;
        return curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_UPLOAD_T, &uploaded) != CURLE_OK || uploaded < 0 || transfer->again ||
               (size_t) uploaded >= transfer->request_size;
}

/* A page that shows the request as it came would bring the key into our texts. */
static void hide_key(char *text, size_t size, const Key *key)
{
        size_t length = strlen(key->text);

        for (char *found; length > 0 && size > 0 && (found = memmem(text, size, key->text, length));) {
                memset(found, '*', length);
                size -= (size_t) (found + length - text);
                text = found + length;
        }
}

/* "Not yet valid" and the like say nothing of what to do. */
static void add_advice(Transfer *transfer, CURLcode code)
{
        size_t used = strlen(transfer->error);

        if (code == CURLE_PEER_FAILED_VERIFICATION && used > 0)
                snprintf(transfer->error + used, sizeof transfer->error - used,
                         " (look at this host's clock, the package ca-certificates, and, with a proxy that opens TLS, ca_file)");
}

static const char *error_text(const Transfer *transfer, CURLcode code)
{
        if (transfer->again)
                return "the connection broke before the answer";
        if (code == CURLE_OK)
                return "";
        return *transfer->error ? transfer->error : curl_easy_strerror(code);
}

static void transfer_end(Transfer *transfer, CURLcode code)
{
        long status = 0;

        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        if (transfer->body.end > 0)
                hide_key(transfer->body.data, transfer->body.end, &transfer->key);
        hide_key(transfer->error, strlen(transfer->error), &transfer->key);
        add_advice(transfer, code);
        transfer->answer.status = transfer->begun && !transfer->again && status > 0 && status < 1000 ? (unsigned) status : 0;
        transfer->answer.sent = is_sent(transfer);
        transfer->answer.body = transfer->body.data ? transfer->body.data : "";
        transfer->answer.size = transfer->body.end;
        transfer->answer.error = error_text(transfer, code);
        transfer_unlink(transfer);
        transfer_wipe(transfer);
        transfer->done(transfer->userdata, &transfer->answer);
        transfer_free(transfer);
}

static int on_request(void *userdata, char *remote, char *local, int remote_port, int local_port)
{
        Transfer *transfer = userdata;

        transfer->again = transfer->begun;
        transfer->begun = true;
        return transfer->again ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static size_t on_header(char *data, size_t one, size_t size, void *userdata)
{
        Transfer *transfer = userdata;

        transfer->headers_size += size;
        if (transfer->headers_size > HEADERS_MAX)
                return 0;
        answer_header(&transfer->answer, data, size);
        return size;
}

static size_t on_body(char *data, size_t one, size_t size, void *userdata)
{
        Transfer *transfer = userdata;
        size_t room = transfer->answer_max - transfer->body.end;
        size_t take = size < room ? size : room;

        if (buffer_append(&transfer->body, data, take) < 0)
                return 0;
        return take; /* less than it gave ends the transfer: what we have got is enough */
}

static int add_header(Transfer *transfer, const char *name, const char *value)
{
        char line[HEADER_LINE_MAX];
        struct curl_slist *headers;
        int n = snprintf(line, sizeof line, "%s:%s%s", name, *value ? " " : "", value);

        if (n < 0 || (size_t) n >= sizeof line)
                return -EINVAL;
        headers = curl_slist_append(transfer->headers, line);
        explicit_bzero(line, sizeof line);
        if (!headers)
                return -ENOMEM;
        transfer->headers = headers;
        return 0;
}

static int set_headers(Transfer *transfer, const Request *request, const char *key_header)
{
        const struct {
                const char *name, *value;
        } lines[] = {
                { key_header, transfer->key.text },
                { "Accept", "application/json" },
                { "User-Agent", "bailiff/" BAILIFF_VERSION },
                { "Expect", "" }, /* none: it would cost a round trip */
                { "Content-Type", request->type },
        };

        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
                int r = lines[i].value ? add_header(transfer, lines[i].name, lines[i].value) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

#define SET(option, value)                                               \
        do {                                                             \
                CURLcode _c = curl_easy_setopt(easy, option, value);     \
                if (_c != CURLE_OK)                                      \
                        return _c == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL; \
        } while (0)

static int set_request(Transfer *transfer, const Request *request)
{
        CURL *easy = transfer->easy;

        SET(CURLOPT_URL, request->url);
        SET(CURLOPT_HTTPHEADER, transfer->headers);
        if (transfer->request_body) {
                SET(CURLOPT_POSTFIELDS, transfer->request_body);
                SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) transfer->request_size);
        }
        SET(CURLOPT_CUSTOMREQUEST, request->method);
        SET(CURLOPT_PRIVATE, transfer);
        SET(CURLOPT_ERRORBUFFER, transfer->error);
        SET(CURLOPT_PREREQFUNCTION, on_request);
        SET(CURLOPT_PREREQDATA, transfer);
        SET(CURLOPT_HEADERFUNCTION, on_header);
        SET(CURLOPT_HEADERDATA, transfer);
        SET(CURLOPT_WRITEFUNCTION, on_body);
        SET(CURLOPT_WRITEDATA, transfer);
        return 0;
}

static int set_connection(CURL *easy, const HttpOptions *options)
{
        SET(CURLOPT_PROTOCOLS_STR, "https");
        SET(CURLOPT_FOLLOWLOCATION, 0L);
        SET(CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1); /* one request at a time; fewer copies of the key */
        SET(CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
        SET(CURLOPT_SSL_VERIFYPEER, 1L);
        SET(CURLOPT_SSL_VERIFYHOST, 2L);
        SET(CURLOPT_NOSIGNAL, 1L);
        SET(CURLOPT_QUICK_EXIT, 1L);
        SET(CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_SEC);
        SET(CURLOPT_TIMEOUT, (long) options->timeout);
        SET(CURLOPT_TCP_KEEPALIVE, 1L);
        SET(CURLOPT_MAXAGE_CONN, IDLE_MAX_SEC);
        SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
        SET(CURLOPT_PROXY, options->proxy ? options->proxy : ""); /* "": the environment's do not count */
        if (options->ca_file) {
                SET(CURLOPT_CAINFO, options->ca_file);
                SET(CURLOPT_CAPATH, NULL); /* else the system's would count besides */
        }
        return 0;
}

/**
 * http_send() - send a request
 * @key:        copied, and wiped when the transfer ends
 * @done:       is called exactly once, never from within this call, unless the Http goes first
 * @ret_transfer: for http_cancel(), until `done` is called
 *
 * Return: 0; -EINVAL for a URL, proxy or the like that cannot be; -ENOMEM.
 */
int http_send(Http *http, const Request *request, const char *key_header, const Key *key, const HttpOptions *options, HttpDone done,
              void *userdata, Transfer **ret_transfer)
{
        _cleanup_(transfer_freep) Transfer *transfer = calloc(1, sizeof *transfer);
        int r;

        if (!transfer)
                return -ENOMEM;
        transfer->easy = curl_easy_init();
        transfer->request_body = request->body ? malloc(request->size + 1) : NULL;
        if (!transfer->easy || (request->body && !transfer->request_body))
                return -ENOMEM;
        if (request->body)
                memcpy(transfer->request_body, request->body, request->size);
        transfer->http = http;
        transfer->request_size = request->size;
        transfer->answer_max = request->answer_max;
        transfer->answer = ANSWER_NULL;
        transfer->key = *key;
        transfer->done = done;
        transfer->userdata = userdata;
        r = set_headers(transfer, request, key_header);
        if (r == 0)
                r = set_request(transfer, request);
        if (r == 0)
                r = set_connection(transfer->easy, options);
        if (r == 0 && curl_multi_add_handle(http->multi, transfer->easy) != CURLM_OK)
                r = -ENOMEM;
        if (r < 0)
                return r;
        transfer->next = http->transfers;
        http->transfers = transfer;
        *ret_transfer = steal(transfer);
        return 0;
}

/**
 * http_cancel() - end a transfer now; calls `done`
 */
void http_cancel(Transfer *transfer)
{
        transfer_end(transfer, CURLE_ABORTED_BY_CALLBACK);
}

/**
 * http_free() - drop all transfers, without calling anybody
 */
Http *http_free(Http *http)
{
        if (!http)
                return NULL;
        while (http->transfers) {
                Transfer *transfer = http->transfers;

                transfer_unlink(transfer);
                transfer_free(transfer);
        }
        if (http->multi)
                curl_multi_cleanup(http->multi);
        sd_event_source_disable_unref(http->timer);
        sd_event_unref(http->event);
        free(http);
        return NULL;
}
