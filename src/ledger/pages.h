/* What the files of the room's pages share; nobody outside the room includes it. */
#pragma once
#include "design.h"
#include "error.h"
#include "internal.h"

#define PERMISSION_READ "ledger.read"
#define PERMISSION_WRITE "ledger.write"
#define PERMISSION_DEFINE "ledger.define"
enum { LEDGER_FILES = 5 }; /* files that one form takes */

/* One request at work: the ledger it is about, and as whom it reads. */
typedef struct {
  WebRequest *request;
  const House *house;
  Sql *sql;
  Asker asker;
  const LedgerDefinition *definition; /* NULL until known */
  const char *const *only;            /* the fields that the form has; NULL: all that may be typed */
} LedgerPage;
gboolean page_begin(LedgerPage *page, WebRequest *request, gboolean write, GError **error);
void page_end(LedgerPage *page);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LedgerPage, page_end)
/* The ledger of the path's {id}: NOT_FOUND, DENIED. */
gboolean page_ledger(LedgerPage *page, GError **error);
/* The entry of the path's {id}, and its ledger as page's. NULL on error. New reference. */
json_t *page_entry(LedgerPage *page, GError **error);
const char *page_back(const WebRequest *request); /* the form's `back` where it is a page of the room. Borrowed; NULL: none */
/* What was just done here (`moved`: "17.4.5", entry and its rev before and after), while nobody changed it since: into the model, to be taken back. */
void page_add_moved(json_t *model, const LedgerPage *page);
json_t *page_ledger_model(const LedgerPage *page); /* {id, name, group, about, restricted, may_write, may_define} */

/* ---- JSON at hand ---- */
static inline void put_text_at(json_t *object, const char *key, const char *text) { json_object_set_new(object, key, json_string(text)); }

/* ---- values (pages-value.c) ---- */
const char *shown_label(const LedgerDefinition *definition, const LedgerField *field);
json_t *entry_get(json_t *entry, const char *name);               /* by field name, base and derived ones too; NULL: none. New reference */
void entry_set(json_t *entry, const char *name, json_t *value);     /* takes the reference */
json_t *field_now(const LedgerField *field, json_t *value);         /* of a dated value the last one. Borrowed */
char *value_text(const LedgerPage *page, const LedgerField *field, json_t *value); /* on one line, for people. Never NULL */
/* For ledger/value.html: {text} and, where they fit, refs: [{href, text}], multiline, table: {head, rows: [{cells}]}, former: [{day, text}], is_number */
json_t *value_model(const LedgerPage *page, const LedgerField *field, json_t *value);
char *value_input(const LedgerPage *page, const LedgerField *field, json_t *value); /* as it stands in a form; read back by value_read */
/* What was typed, as the entry keeps it; json_null for none. NULL with a message for the field. New reference. */
json_t *value_read(const LedgerPage *page, const LedgerField *field, const char *text, char **ret_problem);
char *entry_name(json_t *entry);                                    /* number and title */
const char *state_tone(const LedgerDefinition *definition, const char *state);
gboolean entry_is_open(const LedgerDefinition *definition, json_t *entry);
gboolean entry_is_overdue(const LedgerDefinition *definition, json_t *entry);
gboolean field_is_text(const LedgerField *field);
gboolean field_in_words(const LedgerField *field);                  /* several stand in one line, with 、 between them */
json_t *json_texts(const char *const *texts);                       /* NULL-ended to an array; NULL: empty */

/* ---- which entries (pages-filter.c): the address of a list as a condition ---- */
typedef struct {
  LedgerAsk ask;
  json_t *where;      /* owned; ask.where */
  json_t *address;    /* {name: text}: what of the address keeps its meaning, for links and hidden fields */
  json_t *columns;    /* names: of the view, or of the definition */
  const char *group;  /* of the view; NULL */
} LedgerFilter;
gboolean filter_read(LedgerFilter *filter, LedgerPage *page, GError **error);
void filter_clear(LedgerFilter *filter);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LedgerFilter, filter_clear)
char *filter_link(const LedgerFilter *filter, const char *path, const char *name, const char *value); /* value NULL: without it; never "after" */
char *filter_new(const LedgerFilter *filter, const char *path); /* path, with what the view and the filters say of one value filled in: ?v.来源=审计 */
json_t *filter_hidden(const LedgerFilter *filter, const char *except); /* [{name, value}] */
json_t *filter_chips(const LedgerPage *page, const LedgerFilter *filter, const char *path); /* what is filtered: [{label, href}] */
/* What there is to do among them, as a facet {label, values: [{label, count, href, chosen}]}: mine, open, overdue. Words are not counted with. NULL on error. New */
json_t *filter_flags(const LedgerPage *page, const LedgerFilter *filter, const char *path, GError **error);
json_t *filter_form(const LedgerPage *page, const LedgerFilter *filter); /* inputs for every field */
json_t *filter_open(const LedgerDefinition *definition);            /* condition: in a state that is not closed. NULL: it has none */
json_t *filter_overdue(const LedgerDefinition *definition);         /* NULL: cannot be */

/* ---- counts (tally.c) ---- */
/* {count, fields: {name: [{value, count}] most frequent first}} of what meets ask; at most limit values of a field (fields NULL-ended; none of another ledger). */
json_t *ledger_tally(const House *house, Sql *sql, Asker asker, const LedgerAsk *ask, const char *const *fields, guint limit, GError **error);

/* ret[0]: all; ret[k + 1]: of those, what meets wheres[k] (NULL: 0). */
gboolean ledger_counts(const LedgerPage *page, const LedgerDefinition *definition, json_t *const *wheres, guint count, gint64 *ret, GError **error);

/* ---- forms (pages-form.c): between them all, a form is flat: {"字段" or "字段.0.子字段": text} ---- */
json_t *form_texts(const LedgerPage *page, json_t *entry);     /* an entry as its form shows it */
json_t *form_given(const LedgerPage *page, json_t *given);     /* what came: of a form, or a JSON body's values */
void form_take(json_t *texts, json_t *given);                  /* what came stands in place of what was; rows whole */
void form_read(const LedgerPage *page, json_t *texts, json_t *entry, json_t *faults); /* into the entry; messages by field */
/* What both changed since base: {field: what stands now}; what only the other changed is taken into texts. */
json_t *form_merge(const LedgerPage *page, json_t *texts, json_t *base, json_t *now);
/* {inputs, lists}. faults: {field: message}; theirs: {field: text}; both may be NULL. */
json_t *form_model(const LedgerPage *page, json_t *texts, json_t *faults, json_t *theirs);
gboolean form_shows(const LedgerPage *page, const LedgerField *field); /* whether the asker may type it */

/* ---- a definition as a form (pages-design.c), as design.h says ---- */
json_t *ledger_design_tree(json_t *definition);           /* new */
/* in_force: there may be entries under the names of its fields. New */
json_t *ledger_design_apply(json_t *base, json_t *tree, gboolean in_force);
char *ledger_design_act(json_t *tree, const char *act);
json_t *ledger_design_model(json_t *tree, const char *focus); /* for ledger/design.html. New */
char *design_place(json_t *definition, const char *where, char **ret_anchor); /* "fields[3].type" as 栏目“…” and the row's id; NULL: elsewhere. New */

/* ---- handlers ---- */
WebReply *page_ledgers(WebRequest *request, GError **error);
WebReply *page_owed(WebRequest *request, GError **error);
WebReply *page_list(WebRequest *request, GError **error);
WebReply *page_export(WebRequest *request, GError **error);
char *sheet_begin(const House *house, const char *suffix, GError **error); /* an empty file in the archive's tmp/. New */
WebReply *sheet_reply(const char *path, const char *name, gboolean written, GError **error); /* sends and removes it; not written: NULL, error is set already */
WebReply *page_compare(WebRequest *request, GError **error);
WebReply *page_new(WebRequest *request, GError **error);
WebReply *save_new(WebRequest *request, GError **error);
WebReply *page_edit(WebRequest *request, GError **error);
WebReply *save_edit(WebRequest *request, GError **error);
WebReply *page_one(WebRequest *request, GError **error);
WebReply *move_entry(WebRequest *request, GError **error);
WebReply *comment_entry(WebRequest *request, GError **error);
WebReply *delete_entry(WebRequest *request, GError **error);
WebReply *restore_entry(WebRequest *request, GError **error);
WebReply *attach_file(WebRequest *request, GError **error);
WebReply *detach_file(WebRequest *request, GError **error);
WebReply *send_file(WebRequest *request, GError **error);
WebReply *page_bulk(WebRequest *request, GError **error);
WebReply *plan_bulk(WebRequest *request, GError **error);
WebReply *undo_moved(WebRequest *request, GError **error);
WebReply *paste_page(WebRequest *request, GError **error);
WebReply *take_paste(WebRequest *request, GError **error);
WebReply *import_page(WebRequest *request, GError **error);
WebReply *take_import(WebRequest *request, GError **error);

/* ---- views (pages-view.c) ---- */
json_t *views_model(const LedgerPage *page, const char *path, const char *current); /* of the definition: [{name, href, current}] */
json_t *own_views_model(const LedgerPage *page, const LedgerFilter *filter, const char *path); /* the asker's: [{id, name, href, current}] */
WebReply *save_own_view(WebRequest *request, GError **error);
WebReply *drop_own_view(WebRequest *request, GError **error);
void import_result(json_t *model, json_t *report); /* "result": of a rehearsal, as ledger/result.html shows it */
GHashTable *usual_ledgers(Sql *sql, const char *owner); /* ids of those that a person put first; owner NULL: none. New */
gboolean is_usual(GHashTable *usual, const LedgerDefinition *definition);
WebReply *keep_usual(WebRequest *request, GError **error);
WebReply *page_batch(WebRequest *request, GError **error);
WebReply *page_wrong(WebRequest *request, GError **error);
/* The rows of one's own batch that were wrong, with their head row, as a spreadsheet copies them. NOT_FOUND: of another ledger, or somebody else's. New */
char *batch_corrections(LedgerPage *page, gint64 id, GError **error);
WebReply *make_batch(WebRequest *request, GError **error);
WebReply *undo_batch(WebRequest *request, GError **error);
json_t *batches_model(const LedgerPage *page, GError **error); /* {batches: the asker's own of the ledger, newest first, next} */
WebReply *page_definition(WebRequest *request, GError **error);
WebReply *save_definition(WebRequest *request, GError **error);
WebReply *page_definition_new(WebRequest *request, GError **error);
WebReply *page_entry_move(WebRequest *request, GError **error);
WebReply *page_actions(WebRequest *request, GError **error);
WebReply *save_view(WebRequest *request, GError **error);
WebReply *page_suggest(WebRequest *request, GError **error);
/* A transaction that writes, and the path's entry, which the asker may change. NULL on error. New reference. */
json_t *begin_change(LedgerPage *page, WebRequest *request, GError **error);
WebReply *change_done(LedgerPage *page, json_t *entry, const char *message, GError **error); /* commits; goes where `back` says */
gboolean attach_given(LedgerPage *page, gint64 entry, GError **error); /* the files of a form; after the entry's own commit */
