/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Where a service is that reports go to, and what is needed to go there: URLs
 * and files.
 *
 * A key goes with every request, so a URL is https, and has nothing in it that
 * the courier would have to take apart: no user, no query, no fragment.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "build-config.h"
#include "config/option.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define PATH_CHARACTERS LETTERS DIGITS "/-._~!$&'()*+,;=:@%"
#define URL_MAX 400
#define HOST_MAX 253

/* A name, an IPv4 address, or an IPv6 address in []. Return: its bytes, 0 if it is none of them. */
static size_t host_size(const char *text)
{
        size_t size = strspn(text, LETTERS DIGITS ".-_");
        char address[INET6_ADDRSTRLEN];
        struct in6_addr unused;

        if (*text != '[')
                return size <= HOST_MAX && *text != '.' && *text != '-' ? size : 0;
        size = strcspn(text, "]");
        if (text[size] != ']' || size - 1 >= sizeof address)
                return 0;
        memcpy(address, text + 1, size - 1);
        address[size - 1] = '\0';
        return inet_pton(AF_INET6, address, &unused) == 1 ? size + 1 : 0;
}

/* ":443". Return: its bytes, 0 if there is none, SIZE_MAX if it is wrong. */
static size_t port_size(const char *text)
{
        size_t digits = *text == ':' ? strspn(text + 1, DIGITS) : 0;
        long port;

        if (*text != ':')
                return 0;
        port = digits > 0 && digits <= 5 ? strtol(text + 1, NULL, 10) : 0;
        return port >= 1 && port <= 65535 ? digits + 1 : SIZE_MAX;
}

static bool path_is_good(const char *path)
{
        if ((*path && *path != '/') || path[strspn(path, PATH_CHARACTERS)])
                return false;
        for (const char *p = path; (p = strchr(p, '%')); p++)
                if (strspn(p + 1, DIGITS "abcdefABCDEF") < 2)
                        return false;
        for (const char *p = path; (p = strchr(p, '/')); p++) {
                size_t size = strcspn(p + 1, "/");

                if (p[1] == '.' && (size == 1 || (size == 2 && p[2] == '.')))
                        return false; /* "." and "..", which would be taken away on the way */
        }
        return true;
}

/* Takes the text behind "scheme://" apart. Return: NULL, or what is wrong. */
static const char *check_place(const char *place, const char **ret_path)
{
        size_t host, port;

        if (memchr(place, '@', strcspn(place, "/?#")))
                return "has a user in it, whom all who may read this file would see";
        host = host_size(place);
        if (host == 0)
                return "has no host";
        port = port_size(place + host);
        if (port == SIZE_MAX)
                return "has no good port, which is a number from 1 to 65535";
        *ret_path = place + host + port;
        return NULL;
}

/* The text behind one of the schemes; NULL if it is none of them. */
static const char *behind_scheme(const char *text, const char *const schemes[], const char **ret_scheme)
{
        for (size_t i = 0; schemes[i]; i++)
                if (strncasecmp(text, schemes[i], strlen(schemes[i])) == 0) {
                        *ret_scheme = schemes[i];
                        return text + strlen(schemes[i]);
                }
        return NULL;
}

/* Keeps "scheme" and what follows without slashes at its end. */
static int keep(const char *scheme, const char *place, const char **target, Arena *arena)
{
        size_t size = strlen(scheme) + strlen(place) + 1;
        char *text = arena_alloc(arena, size);

        if (!text)
                return -ENOMEM;
        snprintf(text, size, "%s%s", scheme, place);
        for (size_t length = strlen(text); length > 0 && text[length - 1] == '/'; length--)
                text[length - 1] = '\0';
        *target = text;
        return 0;
}

/**
 * url_read() - read the beginning of a service's URLs
 * @target:     without a slash at its end
 *
 * Return: 0, -EINVAL with @problem set, -ENOMEM.
 */
int url_read(const YamlNode *node, const char **target, Arena *arena, Problem *problem)
{
        static const char *const schemes[] = { "https://", NULL };
        const char *text = node->kind == YAML_SCALAR ? node->text : "", *scheme, *path, *wrong;
        const char *place = behind_scheme(text, schemes, &scheme);

        if (!place || strlen(text) > URL_MAX || !option_text_is_plain(text))
                return yaml_problem(node, problem, "must be a URL that begins with https:// and has at most %d bytes; the key goes there", URL_MAX);
        wrong = check_place(place, &path);
        if (!wrong && strpbrk(path, "?#"))
                wrong = "has a query or a fragment in it, which no request could follow";
        if (!wrong && !path_is_good(path))
                wrong = "has a path that cannot stand in a URL";
        if (wrong)
                return yaml_problem(node, problem, "\"%s\" %s; write it as in https://api.example/v2", text, wrong);
        return keep(scheme, place, target, arena);
}

/**
 * proxy_read() - read the proxy that a service is asked by
 * @target:     NULL: none
 *
 * Return: 0, -EINVAL with @problem set, -ENOMEM.
 */
int proxy_read(const YamlNode *node, const char **target, Arena *arena, Problem *problem)
{
        static const char *const schemes[] = { "http://", "https://", "socks5h://", NULL };
        const char *text = node->kind == YAML_SCALAR ? node->text : "", *scheme, *path, *wrong;
        const char *place = behind_scheme(text, schemes, &scheme);

        if (node->kind == YAML_SCALAR && !*text && !yaml_is_null(node))
                return (*target = NULL, 0);
        if (!place || strlen(text) > URL_MAX || !option_text_is_plain(text))
                return yaml_problem(node, problem, "must be a proxy: http://HOST:PORT, https://HOST:PORT or socks5h://HOST:PORT, which looks up the name itself");
        wrong = check_place(place, &path);
        if (!wrong && *path && strcmp(path, "/") != 0)
                wrong = "goes on behind host and port";
        if (wrong)
                return yaml_problem(node, problem, "\"%s\" %s; write it as in %sproxy.example:3128", text, wrong, scheme);
        return keep(scheme, place, target, arena);
}

/* The folder of the administrator's file, without a slash at its end. */
static int folder_of(const char *path, char folder[static PATH_MAX])
{
        char given[PATH_MAX];
        const char *slash = strrchr(path, '/');

        if (!*path)
                return snprintf(folder, PATH_MAX, "%s", BAILIFF_CONFIG_DIR) < PATH_MAX ? 0 : -ENAMETOOLONG;
        if (strlen(path) >= sizeof given)
                return -ENAMETOOLONG;
        snprintf(given, sizeof given, "%.*s", slash ? (int) (slash - path) : 1, slash ? path : ".");
        if (*given == '/' || (slash == path))
                return (strcpy(folder, given), 0);
        return realpath(given, folder) ? 0 : -errno; /* who reads the file in another folder must find the same */
}

/**
 * config_file_read() - read the path of a file that the courier reads
 * @config:     whose path tells where a relative one begins
 * @target:     absolute; NULL: none is named
 *
 * The file itself is not looked at: who loads a configuration may not read it.
 *
 * Return: 0, -EINVAL with @problem set, -ENOMEM.
 */
int config_file_read(const YamlNode *node, const Config *config, const char **target, Arena *arena, Problem *problem)
{
        const char *path = node->kind == YAML_SCALAR && !yaml_is_null(node) ? node->text : NULL;
        char folder[PATH_MAX], whole[PATH_MAX];

        if (path && !*path)
                return (*target = NULL, 0);
        if (!path)
                return yaml_problem(node, problem, "must be a file's path; a relative one begins beside bailiff.yaml");
        if (!option_text_is_plain(path))
                return yaml_problem(node, problem, "this path is too long, or has a control character in it");
        if (path[strlen(path) - 1] == '/')
                return yaml_problem(node, problem, "\"%s\" is a directory; name a file in it", path);
        if (*path == '/')
                snprintf(whole, sizeof whole, "%s", path);
        else if (folder_of(config->path, folder) < 0 || snprintf(whole, sizeof whole, "%s/%s", folder, path) >= (int) sizeof whole)
                return yaml_problem(node, problem, "\"%s\" begins beside bailiff.yaml, whose directory cannot be told; write the path from / on", path);
        if (!option_text_is_plain(whole))
                return yaml_problem(node, problem, "\"%s\" begins beside bailiff.yaml, whose path is too long, or has a control character in it", path);
        *target = arena_text(arena, whole);
        return *target ? 0 : -ENOMEM;
}
