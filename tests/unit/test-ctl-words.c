/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The table of commands against what is written about it: both manual pages, and completion in a real bash. */

#include "ctl-run.h"

static char *manual(const char *name)
{
        char file[512], *text = NULL;
        size_t size;

        snprintf(file, sizeof file, "%s/src/man/%s.rst", getenv("SOURCE_ROOT"), name);
        check_int(text_read_file(file, 1024 * 1024, &text, &size), 0);
        return text;
}

/* The names of the commands, out of the program itself. */
static size_t read_commands(char names[32][16])
{
        size_t n = 0;

        check_int(ctl("__complete 1 bailiffctl ''"), 0);
        for (char *name = strtok(output, "\n"); name; name = strtok(NULL, "\n")) {
                check(n < 32);
                snprintf(names[n++], 16, "%s", name);
        }
        check(n >= 14);
        return n;
}

/* The manual has a paragraph of each command, in the order of the table, with every option and word of its usage. */
static void test_manual(void)
{
        char names[32][16];
        size_t n = read_commands(names);
        char *text = manual("bailiffctl.8"), *at = strstr(text, "\nCOMMANDS\n");

        for (size_t i = 0; i < n; i++) {
                char head[32], arguments[64], *end;

                snprintf(head, sizeof head, "\n\n**%s**", names[i]);
                if (!(at = strstr(at, head))) {
                        fprintf(stderr, "bailiffctl.8 has no %s, or not in the table's order\n", names[i]);
                        abort();
                }
                snprintf(arguments, sizeof arguments, "__complete 2 bailiffctl %s --", names[i]);
                check_int(ctl(arguments), 0);
                end = strchr(at + 2, '\n');
                *end = '\0';
                for (char *option = strtok(output, "\n"); option; option = strtok(NULL, "\n"))
                        if (strcmp(option, "--json") != 0 && strcmp(option, "--help") != 0)
                                check_contains(at + 2, option);
                *end = '\n';
        }
        free(text);
}

/* What the page says of a command: from its heading to the next. */
static char *section(const char *page, const char *command)
{
        char head[64];
        const char *begin, *end;

        snprintf(head, sizeof head, "\n%s\n-", command);
        begin = strstr(page, head);
        if (!begin) {
                fprintf(stderr, "bailiffctl-json.7 has no section %s\n", command);
                abort();
        }
        begin += strlen(head);
        end = strstr(begin, "\n---");
        return strndup(begin, end ? (size_t) (end - begin) : strlen(begin));
}

static void check_key(const char *page, const char *command, const char *text, const char *key)
{
        _cleanup_free_ char *bans = section(page, "bans");
        char marked[80];

        snprintf(marked, sizeof marked, "*%s*", key);
        if (strcmp(key, "v") == 0 || strcmp(key, "parameter") == 0 || strstr(text, marked) || (strstr(text, "the members") && strstr(bans, marked)))
                return;
        fprintf(stderr, "bailiffctl --json %s prints \"%s\", which bailiffctl-json.7 does not tell\n", command, key);
        abort();
}

static void check_keys(const char *page, const char *command, const char *text, json_t *value, json_t *seen)
{
        const char *key;
        json_t *member;
        size_t i;

        json_object_foreach(value, key, member)
        {
                check_key(page, command, text, key);
                json_object_set_new(seen, key, json_true());
                check_keys(page, command, text, member, seen);
        }
        json_array_foreach(value, i, member) check_keys(page, command, text, member, seen);
}

#define FAILURE "2026-11-23T07:31:00Z h sshd[1]: Failed password for root from 203.0.113.5 port 1 ssh2\n"

/* Each printed member is in the page, and has been seen the whole of what the page promises but what this fake cannot make. */
static void test_json(void)
{
        static const struct {
                const char *command, *arguments;
        } calls[] = {
                { "status", "" },
                { "bans", "" },
                { "banip", "sshd 203.0.113.50 192.0.2.7 nonsense 198.51.100.0/24 2001:db8:ffff:ffff::1" },
                { "banip", "sshd - < $0.list" },
                { "banned", "203.0.113.5 203.0.113.6 nonsense" },
                { "attempt", "sshd 203.0.113.70 203.0.113.70 203.0.113.70 203.0.113.70 203.0.113.70" },
                { "why", "2001:db8:ffff:ffff:ffff:ffff:ffff:fff1" },
                { "why", "192.0.2.1" },
                { "why", "203.0.113.5" },
                { "why", "198.51.100.7" },
                { "reports", "" },
                { "reports", "retry" },
                { "reports", "retry 3" },
                { "reports", "drop 6 198.51.100.7 203.0.113.0/24 nonsense" },
                { "reports", "retract 203.0.113.5 203.0.113.0/24" },
                { "reports", "preview sshd 192.0.2.7" },
                { "allow", "list" },
                { "allow", "add 203.0.113.70 nonsense" },
                { "allow", "remove 203.0.113.70 192.0.2.9" },
                { "pause", "sshd" },
                { "pause", "nosuch" },
                { "resume", "sshd" },
                { "reload", "--check" },
                { "reload", "" },
                { "stats", "" },
                { "set", "sshd banip 203.0.113.71" },
                { "set", "sshd unbanip 203.0.113.71 nonsense" },
                { "unban", "203.0.113.5 203.0.113.99 nonsense" },
                { "plan", "--jail sshd --file - <<END\n" FAILURE FAILURE FAILURE FAILURE FAILURE "END\n:" },
                { "test", "sshd" },
                { "test", "sshd --explain --line 'Nov 23 07:31:00 h sshd[1]: Failed password for root from 203.0.113.5 port 1 ssh2'" },
                { "test", "sshd --explain --raw --line 'Failed password for root from nowhere port 1 ssh2'" },
                { "monitor", "--since 0 --once" },
                { "monitor", "--since 5000 --count 1" },
                { "unban", "--all" },
        };
        char names[32][16], *page = manual("bailiffctl-json.7");
        size_t n = read_commands(names), covered = 0;
        json_auto_t *seen = json_object();
        pid_t pid = start(&(Setup){ .access = ACCESS_CHANGE, .commits_at_once = true, .hostile = true, .bans = 1, .allowed = 3, .reports = 1 });

        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
                _cleanup_free_ char *text = section(page, calls[i].command);
                char arguments[512];
                size_t objects = 0;

                if (strchr(calls[i].arguments, '$'))
                        snprintf(arguments, sizeof arguments, "--json banip sshd - <<END 2>/dev/null\n192.0.2.7\n203.0.113.80\nEND\ntrue");
                else
                        snprintf(arguments, sizeof arguments, "--json %s %s 2>/dev/null; true", calls[i].command, calls[i].arguments);
                check_int(ctl(arguments), 0);
                for (char *line = output; *line; objects++) {
                        json_auto_t *object = json_line(line);

                        check_int(json_integer_value(json_object_get(object, "v")), 1);
                        check(strncmp(line, "{\"v\":1", 6) == 0); /* first, for readers of text */
                        check_keys(page, calls[i].command, text, object, seen);
                        line += strcspn(line, "\n") + 1;
                }
                check(objects > 0);
        }
        stop(pid);
        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < sizeof calls / sizeof *calls; j++)
                        if (strcmp(calls[j].command, names[i]) == 0) {
                                covered++;
                                break;
                        }
        check_int(covered, n);

        /* What only a real daemon has, or a larger one. */
        static const char *const unseen[] = { "v", "truncated", "first", "config_kept", "text" };
        for (char *at = strchr(strstr(page, "\nCOMMANDS\n"), '*'), *end = strstr(page, "\nVARLINK\n"); at && at < end;) {
                size_t size = strspn(at + 1, "abcdefghijklmnopqrstuvwxyz_");
                char key[64];
                bool known = false;

                snprintf(key, sizeof key, "%.*s", (int) size, at + 1);
                for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++)
                        known = known || strcmp(unseen[i], key) == 0;
                if (size > 0 && at[1 + size] == '*' && at[-1] != '*' && !known && !json_object_get(seen, key)) {
                        fprintf(stderr, "bailiffctl-json.7 promises \"%s\", which nothing printed\n", key);
                        abort();
                }
                at = strchr(at + 1 + size + (at[1 + size] == '*'), '*');
        }
        free(page);
}

/* What bash would offer for a line whose last word is being typed. */
static void bash(const char *words, char *buffer, size_t size)
{
        char command[8192];
        FILE *pipe;

        snprintf(command, sizeof command,
                 "BAILIFF_SOCKET=%s SOURCE=%s/src/ctl/bailiffctl.bash PROGRAM=%s bash -c '. \"$SOURCE\"; bailiffctl() { \"$PROGRAM\" \"$@\"; }; "
                 "complete -p bailiffctl >/dev/null || exit 1; COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "
                 "_bailiffctl; echo \"${COMPREPLY[*]}\"'",
                 path, getenv("SOURCE_ROOT"), program, words);
        pipe = popen(command, "r");
        check(pipe);
        buffer[fread(buffer, 1, size - 1, pipe)] = '\0';
        check_int(pclose(pipe), 0);
}

static void test_completion(void)
{
        static const struct {
                const char *words, *offered;
        } cases[] = {
                { "bailiffctl st", "status stats\n" },
                { "bailiffctl --js", "--json\n" },
                { "bailiffctl --json re", "resume reload reports\n" },
                { "bailiffctl status \"\"", "sshd nginx-http-auth\n" },
                { "bailiffctl status ng", "nginx-http-auth\n" },
                { "bailiffctl status sshd \"\"", "\n" },
                { "bailiffctl --socket /nowhere status \"\"", "\n" }, /* no daemon, no jails, and no noise */
                { "bailiffctl banip s", "sshd\n" },
                { "bailiffctl banip sshd \"\"", "\n" },
                { "bailiffctl banip sshd 203.0.113.5 --", "--for --reason --no-report --report --force --json --help\n" },
                { "bailiffctl banip --for 1d s", "sshd\n" },
                { "bailiffctl banip --for \"\"", "\n" },
                { "bailiffctl unban --a", "--all\n" },
                { "bailiffctl unban --off", "--offline\n" },
                { "bailiffctl unban 203.0.113.5 --jail n", "nginx-http-auth\n" },
                { "bailiffctl allow \"\"", "add remove list\n" },
                { "bailiffctl allow add --r", "--reason\n" },
                { "bailiffctl set sshd un", "unbanip\n" },
                { "bailiffctl reload --c", "--check\n" },
                { "bailiffctl test ss", "sshd\n" },
                { "bailiffctl test --raw ss", "sshd\n" },
                { "bailiffctl test sshd --mode n", "normal\n" },
                { "bailiffctl test sshd --mode normal --j", "--journal --journal-dir --json\n" },
                { "bailiffctl test sshd --", "--mode --raw --now --timezone --explain --line --journal --since --journal-dir --json --help\n" },
                { "bailiffctl test sshd --line \"\"", "\n" },
                { "bailiffctl test sshd \"\"", "\n" },
                { "bailiffctl pause \"\"", "sshd nginx-http-auth\n" },
                { "bailiffctl reports \"\"", "list retry drop preview retract\n" },
                { "bailiffctl reports re", "retry retract\n" },
                { "bailiffctl reports --", "--state --service --addr --max --json --help\n" },
                { "bailiffctl reports list --s", "--state --service\n" },
                { "bailiffctl reports retry --", "--json --help\n" },
                { "bailiffctl reports --state un", "unknown\n" },
                { "bailiffctl reports list --service \"\"", "abuseipdb virustotal\n" },
                { "bailiffctl reports --state unknown --service v", "virustotal\n" },
                { "bailiffctl reports preview n", "nginx-http-auth\n" },
                { "bailiffctl reports preview sshd \"\"", "\n" },
                { "bailiffctl reports retry \"\"", "\n" },
                { "bailiffctl nosuch \"\"", NULL },
        };
        pid_t pid = start(&(Setup){ .access = ACCESS_LOOK });
        char offered[4096];

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                bash(cases[i].words, offered, sizeof offered);
                for (char *p = offered; *p && *p != '\n'; p++)
                        check(*p != '\033');
                for (char *p = offered; (p = strchr(p, '\n')) && p[1];)
                        *p = ' ';
                if (cases[i].offered && strcmp(offered, cases[i].offered) != 0)
                        fprintf(stderr, "%s: offered \"%s\"\n", cases[i].words, offered);
                if (cases[i].offered)
                        check_text(offered, cases[i].offered);
        }
        stop(pid);
        check_int(ctl("__complete"), 2);
        check_int(ctl("__complete 7 bailiffctl"), 2);
        check_int(ctl("__complete -1 bailiffctl x"), 2);
}

int main(void)
{
        char filters[512];

        check(getenv("SOURCE_ROOT"));
        snprintf(filters, sizeof filters, "%s/filters", getenv("SOURCE_ROOT"));
        setenv("BAILIFF_FILTERS", filters, 1);
        ctl_begin();
        test_manual();
        test_json();
        test_completion();
        ctl_end();
        return 0;
}
