/*
 * What may be meant by what was begun in a field: accounts, authorities, what stands in the ledger already, entries of the ledger that a field points to; by a part of
 * the name, its pinyin or its initials.
 *
 * 1. Nothing is told that the asker may not read: fields, entries and authorities go through the gate of their own pages.
 */
#include "pages.h"
#include "authority.h"
#include "people.h"
#include "search.h"
#include <string.h>

enum { SUGGESTED = 10, USED_VALUES = 1000, AUTHORITIES_READ = 1000 };

typedef struct {
  LedgerPage *page;
  const char *folded;  /* what was typed; "": what is written most often */
  json_t *items;
  GHashTable *seen;
} Suggesting;

static void offer(Suggesting *suggesting, const char *text, gint64 count) {
  if (text == NULL || *text == '\0' || json_array_size(suggesting->items) >= SUGGESTED || g_hash_table_contains(suggesting->seen, text)) return;
  g_autofree char *folded = text_fold(text);
  if (strstr(folded, suggesting->folded) == NULL && !search_sounds_in(suggesting->folded, folded)) return;
  g_hash_table_add(suggesting->seen, g_strdup(text));
  json_array_append_new(suggesting->items, json_pack("{s:s, s:I}", "text", text, "count", (json_int_t)count));
}

static void offer_used(Suggesting *suggesting, const char *path) {
  const LedgerPage *page = suggesting->page;
  const LedgerAsk all = {.definition = page->definition};
  json_auto_t *tally = ledger_tally(page->house, page->sql, page->asker, &all, (const char *const[]){path, NULL}, USED_VALUES, NULL);
  json_t *value;
  size_t i;
  json_array_foreach(json_object_get(json_object_get(tally, "fields"), path), i, value) offer(suggesting, text_at(value, "value"), int_at(value, "count"));
}

static void offer_accounts(Suggesting *suggesting) {
  json_auto_t *users = people_user_list(suggesting->page->sql, NULL);
  json_t *user;
  size_t i;
  json_array_foreach(users, i, user)
    if (json_is_true(json_object_get(user, "enabled"))) offer(suggesting, text_at(user, "title"), 0);
}

/* Letters are compared with every name's sound, words are looked up. */
static void offer_authorities(Suggesting *suggesting, LedgerType type) {
  const char *kind = type == FIELD_PERSON ? "person" : type == FIELD_BODY ? "body" : "place";
  gboolean letters = *suggesting->folded != '\0' && strspn(suggesting->folded, "abcdefghijklmnopqrstuvwxyz") == strlen(suggesting->folded);
  if (!web_may(suggesting->page->request, "catalogue.read")) return;
  AuthorityAsk ask = {.words = letters || *suggesting->folded == '\0' ? NULL : suggesting->folded, .kind = kind, .limit = letters ? AUTHORITIES_READ : SUGGESTED};
  json_auto_t *found = authority_list(suggesting->page->sql, &ask, NULL);
  json_t *authority, *name;
  size_t i, k;
  json_array_foreach(found, i, authority) {
    offer(suggesting, text_at(authority, "name"), 0);
    json_array_foreach(json_object_get(authority, "names"), k, name) offer(suggesting, text_at(name, "name"), 0);
  }
}

static void offer_entries(Suggesting *suggesting, const char *ledger, const char *words) {
  const LedgerPage *page = suggesting->page;
  const LedgerDefinition *definition = ledger == NULL ? NULL : ledger_find(ledger);
  if (definition == NULL || !ledger_may_read(definition, page->asker)) return;
  json_auto_t *found = ledger_list(page->house, page->sql, page->asker, &(LedgerAsk){.definition = definition, .words = words, .limit = SUGGESTED}, NULL);
  json_t *entry;
  size_t i;
  json_array_foreach(json_object_get(found, "entries"), i, entry) {
    g_autofree char *name = entry_name(entry);
    json_array_append_new(suggesting->items, json_pack("{s:o, s:i}", "text", json_sprintf("%s #%" JSON_INTEGER_FORMAT, name, json_integer_value(json_object_get(entry,
      "id"))), "count", 0));
  }
}

/* "责任人", or "议题.汇报人" of child rows; NULL: none that the asker may read. */
static const LedgerField *field_of(const LedgerPage *page, const char *path) {
  g_auto(GStrv) parts = g_strsplit(path, ".", 2);
  const LedgerField *field = parts[0] == NULL ? NULL : ledger_field(page->definition, parts[0]);
  if (field == NULL || !ledger_may_read_field(field, page->asker)) return NULL;
  if (parts[1] == NULL) return field;
  for (guint i = 0; i < field->count; i++)
    if (g_str_equal(field->fields[i].name, parts[1]) && ledger_may_read_field(&field->fields[i], page->asker)) return &field->fields[i];
  return NULL;
}

WebReply *page_suggest(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  const char *path = web_text(request, "field") != NULL ? web_text(request, "field") : "", *words = web_text(request, "q");
  if (!page_begin(&page, request, FALSE, error) || !page_ledger(&page, error)) return NULL;
  const LedgerField *field = field_of(&page, path);
  g_autofree char *folded = text_fold(words != NULL ? words : "");
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  Suggesting suggesting = {&page, g_strstrip(folded), json_array(), seen};
  gboolean named = field != NULL && (field->type == FIELD_PERSON || field->type == FIELD_BODY || field->type == FIELD_PLACE);
  if (field != NULL && field->type == FIELD_ENTRY) offer_entries(&suggesting, field->ledger, words);
  for (guint i = 0; field != NULL && field->values != NULL && field->values[i] != NULL; i++) offer(&suggesting, field->values[i], 0);
  if (field != NULL && field->type == FIELD_PERSON) offer_accounts(&suggesting);
  if (named || (field != NULL && field->type == FIELD_CHOICE)) offer_used(&suggesting, path);
  if (named) offer_authorities(&suggesting, field->type);
  return web_model(json_pack("{s:o}", "items", suggesting.items));
}
