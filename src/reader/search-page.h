/* What the files of the search pages share. Inside the reader's room only. */
#pragma once
#include "reader.h"

/* ---- asked.c: a search as it was asked, kept as JSON: {q, fonds: [..], category, year, retention, opening, level, from, to, delivery, parent, since, files: true,
 * sort}; only what is set is there. The one form between addresses, requests, saved searches and links. ---- */
typedef struct { const char *name, *label; } AskedName;
enum { ASKED_LISTS = 6, ASKED_NUMBERS = 6, ASKED_SORTS = 4 };
extern const AskedName ASKED_LIST[ASKED_LISTS], ASKED_NUMBER[ASKED_NUMBERS], ASKED_SORT[ASKED_SORTS];
json_t *asked_read(WebRequest *request, GError **error);
char *asked_address(const char *path, json_t *asked);                        /* path?q=…&fonds=… */
json_t *asked_with(json_t *asked, const char *name, json_t *value);          /* a copy; takes value; NULL: without it */
json_t *asked_toggled(json_t *asked, const char *name, gint64 value);        /* a copy with a list's value switched */
gboolean asked_has(json_t *asked, const char *name, gint64 value);
gboolean asked_by_time(json_t *asked); /* what changed since, or was there on a day: for looking, not for exports and changes */
gboolean asked_narrow(json_t *asked);                                        /* anything but a sort is asked */
typedef struct { gint64 *lists[ASKED_LISTS], *only; char *sort_field; } AskedHold;            /* what a SearchRequest borrows */
void asked_hold_clear(AskedHold *hold);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AskedHold, asked_hold_clear)
/* query, filters and sort of the request; INVALID when `since` reaches back over more than SINCE_MAX changes. */
gboolean asked_request(json_t *asked, Sql *sql, AskedHold *hold, SearchRequest *ret, GError **error);
enum { SINCE_MAX = 1000000 };
char *asked_label(WebRequest *request, Sql *sql, const char *name, gint64 value); /* 甲局, 1958, 永久: only what the asker may see has a name */

/* ---- chain.c: the words of a query ---- */
GPtrArray *reader_chain_parts(const char *query);               /* char*: what must all be there, as written */
char *reader_chain_without(GPtrArray *parts, guint left_out);
char *reader_chain_add(const char *query, const char *more);    /* both must be there */

/* ---- search-model.c ---- */
json_t *search_facets_model(WebRequest *request, Sql *sql, json_t *asked, const SearchResult *result);
json_t *search_chips_model(WebRequest *request, Sql *sql, json_t *asked, const SearchResult *result);
json_t *search_sorts_model(WebRequest *request, json_t *asked, const SearchResult *result);
json_t *search_items_model(WebRequest *request, Sql *sql, json_t *asked, const SearchResult *result, gint64 first_number, GError **error);
char *search_record_href(json_t *asked, gint64 record_id, gint64 number); /* the record's page, which then leads to the hits around it */

/* ---- field-form.c ---- */
gboolean search_field_shown(WebRequest *request, const CatalogField *field); /* to this asker */
/* {categories: [{title, href, on}], chosen: {title, open, inputs, more: [{key, label, hint, is_choice, options}]}}; chosen: when one category is asked for. */
json_t *search_form_model(WebRequest *request, json_t *asked);
char *search_form_words(WebRequest *request, json_t *asked); /* of the form's parameters field and value; NULL: the form was not sent */

/* start.c: the ways in where nothing was asked: {saved, categories, fonds, decades: [{label, href, count}], may_catalog} */
json_t *search_start_model(WebRequest *request, Sql *sql, const SearchResult *result, GError **error);
json_t *search_offers_model(WebRequest *request, Sql *sql, json_t *asked, GError **error); /* nothing.c: what would find something: [{label, what, href, count}] */

/* ---- hits.c ---- */
WebReply *reader_hit(WebRequest *request, GError **error);         /* /search/hit: the hit with this number */
WebReply *reader_record_hits(WebRequest *request, GError **error); /* /record/{id}/hits: all pages of a record that hit */

WebReply *reader_like(WebRequest *request, GError **error);        /* hits.c: /record/{id}/like */
WebReply *reader_print(WebRequest *request, GError **error);       /* print.c: /search/print */
