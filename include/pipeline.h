/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The messages that travel down the pipeline, in the order in which they do:
 *
 *     source --Line--> filter --Hit--> tracker --Offence--> ban --BanEvent--> firewall, store, control
 *
 * A stage hands its result on, and includes no later stage; daemon.c wires the
 * sinks. Messages are borrowed: they and all that they point to live until the
 * sink returns. Text that an outsider wrote (Line.text, Evidence.text, users) is
 * hostile; Evidence has been made printable (text_printable()), Line has not.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/clock.h"

#define JAIL_NAME_MAX 64        /* with its NUL; text_is_name() */
#define LINE_LENGTH_MAX 32768   /* longer lines are not matched but counted */
#define EVIDENCE_TEXT_MAX 512   /* bytes kept of a line, with its NUL */
#define EVIDENCE_MAX 10         /* lines kept per window and per ban */

/* ---- Line: what a source read ---- */

typedef struct Line Line;

/**
 * Who wrote a line, from fields that the writer cannot forge.
 */
typedef struct Origin {
        int64_t uid;            /* -1: not known */
        int64_t pid;            /* -1: not known */
        const char *comm;       /* NULL: absent */
        const char *unit;       /* NULL: absent */
        const char *transport;  /* how it came to the journal: "syslog", "stdout" ...; NULL: absent */
} Origin;

struct Line {
        const char *text;       /* the message alone; not ended by NUL, may hold one */
        size_t length;
        EventTime time;         /* never later than the present */
        const char *ident;      /* SYSLOG_IDENTIFIER or program name, "" if none; forgeable */
        int64_t pid;            /* as the line itself claims, -1 if it does not; Origin's is to be trusted */
        const char *source;     /* "journal", or the file's path */
        /*
         * How a file's line came into it: "syslog": a syslog daemon wrote it, which writes a message's line breaks otherwise;
         * "file": its service itself; "mixed": a stranger in a file into which clients can write whole lines, and not to be
         * believed. NULL: not known, or Origin tells.
         */
        const char *transport;
        /*
         * Whose output an entry of the journal is, as it says itself: Origin has to be the container manager's. Then transport is
         * "file" for standard output, "journal" for standard error, of which nobody else can write the first.
         */
        const char *container;  /* NULL: nobody's, or nobody has asked (JournalConfig) */
        /* Indexes of the watches that read this file, ascending (FileConfig); NULL: it is for whoever listens to `ident`. */
        const size_t *readers;
        size_t n_readers;
        int64_t offset;         /* of its first byte in its file, with `readers`; what the file holds besides may move `time`, not this */
        /* Reads the trusted fields, which costs; call it for lines that matched only. NULL: this source has none. */
        int (*origin)(const Line *line, Origin *ret_origin);
        void *handle;           /* the source's own */
};

/* ---- Hit: what a filter found in a line ---- */

typedef enum HitKind {
        HIT_FAILURE,
        HIT_SUCCESS,            /* takes back the failures that this session has in the window */
        HIT_END,                /* the session is over: what was counted ahead is settled */
} HitKind;

/**
 * How a failure's line counts, given that a service may log an attempt on several lines.
 */
typedef enum HitCount {
        HIT_COUNT_EACH,         /* an attempt of its own, unless the session has one counted ahead: then it is that one */
        HIT_COUNT_AHEAD,        /* counts now, and the session's next EACH is the same attempt; 0 if one is ahead already */
        HIT_COUNT_ONCE,         /* counts only if the session has counted nothing yet */
} HitCount;

#define HIT_ATTEMPTS_MAX 1000

typedef struct Hit {
        HitKind kind;
        HitCount count;
        unsigned attempts;      /* that the line tells of, up to HIT_ATTEMPTS_MAX; 0 is taken as 1 */
        uint16_t witness;       /* one bit: who tells of it, where several do and no session ties their lines together; 0: nobody else */
        int64_t span;           /* with a witness: seconds before `time` in which the attempts were made */
        bool ends;              /* a failure that is also the session's last line */
        const char *jail;
        Addr addr;              /* one address, never a prefix */
        uint64_t session;       /* 0: none; then EACH always counts */
        EventTime time;
        const char *rule;       /* the rule's id */
        const char *user;       /* printable, "" if the line has none */
        const Line *line;       /* NULL for an attempt counted by hand */
} Hit;

/* ---- Offence: a full window ---- */

typedef struct Evidence {
        EventTime time;
        const char *rule;
        const char *text;       /* printable, cut at EVIDENCE_TEXT_MAX */
} Evidence;

typedef struct Offence {
        const char *jail;
        Addr addr;              /* the counting prefix (addr_ban_key()) */
        Addr source;            /* the one address of the deciding line */
        EventTime first, last;  /* of the counted failures; `last` is the deciding line's time */
        unsigned failures;
        const char *rule;       /* of the deciding line */
        const Evidence *evidence; /* the latest lines, oldest first */
        size_t n_evidence;
} Offence;

/* ---- BanEvent: a decision, and what it changes in the kernel ---- */

/**
 * A port that a jail's bans are narrowed to, in host byte order.
 */
typedef struct Port {
        uint8_t protocol;       /* IPPROTO_TCP, IPPROTO_UDP */
        uint16_t port;
} Port;

typedef enum BanOrigin {
        BAN_AUTOMATIC,
        BAN_MANUAL,
} BanOrigin;

typedef struct Ban {
        uint64_t id;            /* unique in a database, from 1; a prolonged ban keeps its id */
        const char *jail;
        Addr addr;              /* what is banned */
        Addr source;            /* the one address of the deciding line; for manual bans `addr` if single, else ADDR_NULL */
        BanOrigin origin;
        EventTime start;        /* time of the deciding line, or of the command */
        EventTime until;        /* EVENT_TIME_FOREVER: permanent */
        EventTime first;        /* of the counted failures; manual: start */
        unsigned failures;      /* 0 for manual bans */
        const char *rule;       /* "" for manual bans */
        const char *reason;     /* "" if none was given; printable */
        const Port *ports;      /* NULL: all ports */
        size_t n_ports;
        bool reject;            /* packets are refused, not dropped */
        unsigned level;         /* of a growing ban: how many bans it follows that are not forgotten; 0: the first */
        EventTime forgotten;    /* when `level` is forgotten; EVENT_TIME_NONE: the jail's bans do not grow */
        const Evidence *evidence;
        size_t n_evidence;
} Ban;

/**
 * One element of a kernel set: an address, or an address on one port.
 */
typedef struct Element {
        Addr addr;
        uint8_t protocol;       /* 0: all ports */
        uint16_t port;
        bool reject;            /* in the sets whose packets are refused; part of the key */
        EventTime until;        /* EVENT_TIME_FOREVER: permanent; EVENT_TIME_NONE: remove it */
} Element;

typedef enum BanEventKind {
        BAN_EVENT_BAN,
        BAN_EVENT_PROLONG,      /* the ban stands and now ends later (or was offended against again: `until` may be the same) */
        BAN_EVENT_UNBAN,
        BAN_EVENT_EXPIRE,       /* the kernel's own timeout has ended it */
        BAN_EVENT_REFUSED,      /* an allowed address; not banned */
        BAN_EVENT_LATE,         /* over before it was read (back-fill); recorded, never enforced */
        BAN_EVENT_DISPLACED,    /* gave way at the cap of bans */
        BAN_EVENT_CHANGE,       /* the same ban under another jail's name, on other ports, or refused instead of dropped */
} BanEventKind;

typedef struct BanEvent {
        BanEventKind kind;
        EventTime time;         /* when this was decided, in event time */
        const Ban *ban;
        const Element *changes; /* what has to change in the kernel for it */
        size_t n_changes;
        const char *note;       /* who or what caused it, for people; "" if plain: "allowed by 192.0.2.0/24 (bailiff.yaml:7)" */
} BanEvent;

const char *ban_event_kind_name(BanEventKind kind);
