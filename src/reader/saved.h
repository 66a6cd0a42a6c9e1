/* Saved searches: rows, what is new in them, pages. Inside the reader's room only. */
#pragma once
#include "search-page.h"

json_t *saved_asked_read(const char *text, GError **error); /* from a form: only what a search can be asked; INVALID when it is none */
/* How many records that match were created or changed since the owner looked, within scope; -1: more than can be told; -2 on error. */
gint64 saved_fresh(const House *house, Sql *sql, const Scope *scope, json_t *row, GError **error);
char *saved_name_for(const json_t *asked); /* what it is called where nobody says */
void saved_tick(const House *house);

WebReply *page_searches(WebRequest *request, GError **error);
WebReply *save_search(WebRequest *request, GError **error);
WebReply *look_at_search(WebRequest *request, GError **error);
WebReply *change_search(WebRequest *request, GError **error);
WebReply *delete_search(WebRequest *request, GError **error);
