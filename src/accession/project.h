/*
 * Collecting for a major event or a topic (重特大事件档案收集): a project names the bodies that owe material and until when, chases them, and counts what came.
 *
 * 1. Every change is an event "project.<step>" whose data is all that the change needs, and is applied by the same function when it happens and when an
 *    archive is rebuilt.
 * 2. A project may name a topic: what was accepted for it is tied to that topic in the background, whichever came first, the topic, the delivery or its
 *    belonging here. Taking a delivery out unties nothing: that is done on the topic's page.
 * 3. A delivery that the asker may not see (delivery_visible) is neither listed nor counted. Who owes what is no holding: it is shown to who may read deliveries.
 */
#pragma once
#include "delivery.h"

/* step: "open" {title, note, due_on}, "close", "reopen", "body" {body, owed, due_on, contact}, "drop" {body}, "settle" {body, settled}, "chase" {body, note},
 * "topic" {topic} (0: none), "delivery" {accession} or "release" {accession}.
 * id 0 with "open": a new one. Returns its id, 0 on error (INVALID, NOT_FOUND, CONFLICT when closed). */
gint64 project_change(Sql *sql, const char *actor, gint64 id, const char *step, json_t *data, GError **error);
/* [{id, title, due_on, closed, bodies, owing, deliveries, records, overdue}] newest first. */
json_t *project_list(Sql *sql, const DeliveryAsker *asker, gint64 before, int limit, GError **error);
/* With bodies: [{body, owed, due_on, contact, settled, overdue, state_label, tone, deliveries, records, files, chased, chased_at}], deliveries: [{id, name, body, …}],
 * open deliveries of its bodies that belong to no project: candidates. */
json_t *project_load(Sql *sql, const DeliveryAsker *asker, gint64 id, GError **error);
/* What a body owes: [{project_id, title, owed, due_on, overdue}], for its own page. */
json_t *project_owed(Sql *sql, const char *body, GError **error);
/* In the transaction in which a delivery is in (state done): invariant 2. */
gboolean project_came_in(Sql *sql, const char *actor, gint64 accession_id, GError **error);
/* The project that a delivery belongs to: [{id, title}], or []. */
json_t *project_of_delivery(Sql *sql, gint64 accession_id, GError **error);
