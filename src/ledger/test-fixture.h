/* What the room's tests share: an archive of the lower rooms over a database in memory, with a few ledgers, and people in roles. */
#pragma once
#include "expect.h"
#include "internal.h"
#include "people.h"
#include <glib/gstdio.h>

typedef struct {
  House house;
  SqlDb *db;
  Journal *journal;
} Fixture;

/* 问题: closed loop; 措施: its children; 信息: numbers, child rows; 花名册: dated values, a field and rows that not everybody sees. */
static const char *const FIXTURE_LEDGERS[] = {
  "name: 问题\n"
  "group: 督办\n"
  "number: \"WT{year}-{serial:3}\"\n"
  "uses: [责任人, 责任部门, 截止, 附件, 密级]\n"
  "fields:\n"
  "  - {name: 来源, type: choice, values: [巡察, 调研], required: true}\n"
  "  - {name: 成效, type: lines}\n"
  "  - {name: 销号日期, type: date}\n"
  "states: [{name: 登记}, {name: 整改中}, {name: 待核验}, {name: 已销号, closed: true}]\n"
  "moves:\n"
  "  - {from: 登记, to: 整改中, label: 交办, needs: [责任人, 截止], roles: [archivist]}\n"
  "  - {from: 整改中, to: 待核验, label: 提请核验, needs: [成效]}\n"
  "  - {from: 待核验, to: 已销号, label: 销号, another: true, sets: {销号日期: today}}\n"
  "  - {from: [待核验, 已销号], to: 整改中, label: 退回, note: 退回原因, sets: {成效: nothing, 销号日期: nothing}}\n"
  "reminds: [7, 1]\n",
  "name: 措施\n"
  "group: 督办\n"
  "date_required: false\n"
  "fields:\n"
  "  - {name: 所属问题, type: entry, ledger: 问题, required: true}\n"
  "  - {name: 依据, type: record, many: true}\n",
  "name: 信息\n"
  "group: 宣传\n"
  "number: \"XX{year}-{serial:2}\"\n"
  "uses: [次数, 口径, 来源单位]\n"
  "fields:\n"
  "  - {name: 刊物, type: choice, values: [参阅, 简报], default: 参阅}\n"
  "  - {name: 期号, type: number}\n"
  "  - {name: 采用, type: bool}\n"
  "  - {name: 主题词, type: text, many: true}\n"
  "  - {name: 时段, type: period}\n"
  "  - {name: 书名, type: text, required: true, when: {刊物: 简报}}\n"
  "  - {name: 送达, type: body, many: true}\n"
  "  - {name: 批示, type: rows, fields: [{name: 批示人, type: person, required: true}, {name: 级别, type: choice, values: [市, 省]}, {name: 日期, type: date}]}\n",
  "name: 花名册\n"
  "group: 人事\n"
  "rows: own\n"
  "all: [director]\n"
  "uses: [责任人, 密级]\n"
  "fields:\n"
  "  - {name: 职级, type: choice, values: [科员, 科长, 处长], dated: true}\n"
  "  - {name: 出生, type: date}\n"
  "  - {name: 年龄, type: age, of: 出生}\n"
  "  - {name: 工资, type: money, read: [director]}\n"
  "  - {name: 电话, type: text, read: [director]}\n"
  "  - {name: 家属, type: rows, fields: [{name: 姓名, type: text}, {name: 电话, type: text, read: [director]}]}\n",
};

static inline void fixture_bare(Fixture *f) {
  memset(f, 0, sizeof *f);
  f->house.db = f->db = good(sql_open(":memory:", error));
  f->journal = good(journal_open(f->db, NULL, error));
  f->house.search = good(search_open(f->db, error));
  good(people_open(f->db, NULL, error));
  f->house.catalog = good(catalog_open(f->db, NULL, error));
  good(authority_open(f->db, error));
  good(ledger_open(&f->house, error));
  json_auto_t *labels = catalog_field_labels(f->house.catalog);
  search_set_fields(f->house.search, labels);
  search_set_text_source(f->house.search, catalog_search_text, NULL);
}

static inline void fixture_open(Fixture *f) {
  fixture_bare(f);
  json_auto_t *documents = json_object();
  for (guint i = 0; i < G_N_ELEMENTS(FIXTURE_LEDGERS); i++) {
    g_autofree char *name = g_strdup_printf("%u.yaml", i);
    json_object_set_new(documents, name, good(yaml_load_text(FIXTURE_LEDGERS[i], name, error)));
  }
  g_autoptr(Sql) sql = good(sql_write(f->db, error));
  good(ledger_define_many(sql, "system", documents, error));
  good(sql_commit(sql, error));
}

static inline void fixture_close(Fixture *f) {
  ledger_close();
  catalog_close(f->house.catalog);
  search_close(f->house.search);
  journal_close(f->journal);
  sql_close(f->db);
}

static inline Person *fixture_signed_in(Fixture *f, const char *name) {
  g_autofree char *token = good(people_sign_in(f->db, name, "Geheim-2026", "127.0.0.1", error));
  Person *person = people_identify(f->db, token);
  g_assert_nonnull(person);
  return person;
}

static inline Person *fixture_person(Fixture *f, const char *name, const char *title, const char *role, Security security) {
  g_autoptr(Sql) sql = good(sql_write(f->db, error));
  json_auto_t *roles = json_pack("[s]", role), *fonds = json_array();
  good(people_user_create(sql, "system", name, title, "Geheim-2026", roles, fonds, security, error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  return fixture_signed_in(f, name);
}

/* Who works for one fonds (made here; code "": none) or hands over for a body. */
static inline Person *fixture_limited(Fixture *f, const char *name, const char *role, const char *code, const char *title, const char *body) {
  g_autoptr(Sql) sql = good(sql_write(f->db, error));
  json_auto_t *roles = json_pack("[s]", role), *fonds = json_array();
  if (*code) json_array_append_new(fonds, json_integer(good(catalog_fonds_ensure(&f->house, sql, "system", code, title, error))));
  gint64 id = good(people_user_create(sql, "system", name, name, "Geheim-2026", roles, fonds, SECURITY_SECRET, error));
  if (*body) good(people_user_body(sql, "system", id, body, error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  return fixture_signed_in(f, name);
}

/* Ledgers, and the path of a spreadsheet. */
typedef struct { Fixture f; char *dir, *path; } Sheet;

static inline void sheet_open(Sheet *s) {
  fixture_open(&s->f);
  s->dir = g_dir_make_tmp("ledger-XXXXXX", NULL);
  s->path = g_build_filename(s->dir, "sheet.csv", NULL);
}
static inline void sheet_close(Sheet *s) {
  g_remove(s->path);
  g_rmdir(s->dir);
  g_free(s->path);
  g_free(s->dir);
  fixture_close(&s->f);
}

static inline json_t *yaml(const char *text) { return good(yaml_load_text(text, "test", error)); }

/* One entry in a transaction of its own; its id. */
static inline gint64 put_as(Fixture *f, const char *actor, const char *text) {
  json_auto_t *entry = yaml(text);
  g_autoptr(Sql) sql = good(sql_write(f->db, error));
  gint64 id = good(ledger_entry_put(sql, LEDGER_EVERYTHING, actor, entry, 0, error));
  good(sql_commit(sql, error));
  return id;
}
static inline gint64 put(Fixture *f, const char *text) { return put_as(f, "zhang", text); }

static inline json_t *entry_of(Fixture *f, gint64 id) {
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  return good(entry_load_any(sql, id, error));
}

/* The message with which a put is refused. New string. */
static inline char *refusal(Fixture *f, const char *text, int code) {
  json_auto_t *entry = yaml(text);
  g_autoptr(Sql) sql = good(sql_write(f->db, error));
  g_autoptr(GError) local = NULL;
  g_assert_cmpint(ledger_entry_put(sql, LEDGER_EVERYTHING, "zhang", entry, 0, &local), ==, 0);
  g_assert_error(local, LANTAI_ERROR, code);
  return g_strdup(local->message);
}
#define assert_refused(f, text, code, words) \
  do { \
    g_autofree char *refused_message = refusal((f), (text), (int)(code)); \
    if (strstr(refused_message, (words)) == NULL) g_error("“%s” does not say “%s”", refused_message, (words)); \
  } while (0)

/* Every row of the room's tables as one text. */
static inline char *rows_text(SqlDb *db) {
  g_autoptr(Sql) sql = good(sql_read(db, error));
  json_auto_t *all = json_array();
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM ledger ORDER BY id", SQL_NONE, error)));
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM ledger_version ORDER BY ledger_id, version", SQL_NONE, error)));
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM ledger_entry ORDER BY id", SQL_NONE, error)));
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM ledger_also ORDER BY ledger_id, entry_id", SQL_NONE, error)));
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM ledger_entry_version ORDER BY entry_id, rev", SQL_NONE, error)));
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM ledger_link ORDER BY kind, target, entry_id, field", SQL_NONE, error)));
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM ledger_comment ORDER BY id", SQL_NONE, error)));
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM ledger_number ORDER BY ledger_id, prefix", SQL_NONE, error)));
  char *text = json_dumps(all, JSON_INDENT(1) | JSON_SORT_KEYS);
  char *owned = g_strdup(text);
  free(text);
  return owned;
}

/* The same from the events alone. */
static inline void assert_rebuilds(Fixture *f) {
  g_autofree char *was = rows_text(f->db);
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  json_auto_t *events = good(sql_json(sql, "SELECT id, action, data FROM event ORDER BY id", SQL_NONE, error));
  sql_end(g_steal_pointer(&sql));
  Fixture anew;
  fixture_bare(&anew);
  size_t i;
  json_t *event;
  json_array_foreach(events, i, event) {
    if (!g_str_has_prefix(text_at(event, "action"), "ledger.")) continue;
    json_object_set_new(event, "data", json_loads(text_at(event, "data"), 0, NULL));
    g_autoptr(Sql) write = good(sql_write(anew.db, error));
    good(ledger_replay(&anew.house, write, event, error));
    good(sql_commit(write, error));
  }
  g_autofree char *is = rows_text(anew.db);
  g_assert_cmpstr(was, ==, is);
  fixture_close(&anew);
  good(ledger_open(&f->house, error)); /* the definitions of this one again */
}
