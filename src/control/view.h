/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Views: what the daemon shows, as JSON. The types are those of description.c. All return NULL without memory. */

#include <jansson.h>

#include "control.h"

json_t *view_text(const char *text);
json_t *view_time(EventTime time);
json_t *view_addr(const Addr *addr);
json_t *view_ports(const Port *ports, size_t n_ports);
json_t *view_ban(const Ban *ban, bool lines);
json_t *view_kernel(const FirewallElement *kernel);
json_t *view_allowed(const AllowEntry *entry);
json_t *view_reload(const ReloadView *reload);
json_t *view_stats(const StoreSummary *summary);
json_t *view_jail(const JailView *jail);
json_t *view_status(const StatusView *status, const char *jail);
json_t *view_why(const WhyView *why, bool lines);
json_t *view_event(const EventRecord *record, bool lines);
json_t *view_report(const ReportView *report);
json_t *view_outbox_entry(const OutboxEntry *entry);
