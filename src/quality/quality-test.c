/* Each kind of fault on a record that has it and on one that has not; surveys whole and of what changed; duplicates and names; judgements; the gate. */
#include "internal.h"
#include "../catalog/test-fixture.h"
#include "authority.h"

typedef struct { Fixture f; gint64 fonds, other, class, marriages; guint number; } Place;

static void place_open(Place *p) {
  fixture_open(&p->f);
  p->number = 0;
  good(authority_open(p->f.db, error));
  good(quality_open(p->f.db, error));
  g_autoptr(Sql) sql = good(sql_write(p->f.db, error));
  p->fonds = good(catalog_fonds_ensure(&p->f.house, sql, "t", "Z109", "某局", error));
  p->other = good(catalog_fonds_ensure(&p->f.house, sql, "t", "Z200", "另一局", error));
  p->class = good(catalog_class_ensure(&p->f.house, sql, "t", p->fonds, 1, error));
  p->marriages = good(catalog_class_ensure(&p->f.house, sql, "t", p->fonds, 2, error));
  good(sql_commit(sql, error));
}

static CatalogRecord *sound(Place *p) {
  g_autofree char *code = g_strdup_printf("Z109-1-%u", ++p->number), *title = g_strdup_printf("关于第%u号水库加固的通知", p->number);
  CatalogRecord *record = record_of(p->class, LEVEL_ITEM, 1, code, title);
  put_text(&record->retention, "永久");
  put_text(&record->date_text, "1958-03-01");
  record->date = (DateSpan){19580301, 19580301};
  record->year = 1958;
  record->opening = OPENING_OPEN;
  return record;
}

static gint64 keep_record(Place *p, CatalogRecord *taken) {
  g_autoptr(CatalogRecord) record = taken;
  g_autoptr(Sql) sql = good(sql_write(p->f.db, error));
  good(catalog_record_create(&p->f.house, sql, "t", record, error));
  good(sql_commit(sql, error));
  return record->id;
}

static void survey(Place *p, gboolean full) { good(quality_survey_now(&p->f.house, "t", full, FALSE, error)); }

/* The kinds that a record has, in order, joined by spaces. */
static void assert_faults(Place *p, gint64 id, const char *expected) {
  g_autoptr(Sql) sql = good(sql_read(p->f.db, error));
  json_auto_t *rows = good(sql_json(sql, "SELECT kind FROM quality_fault WHERE record_id = $1 ORDER BY kind", SQL_ARGS(sql_int(id)), error));
  g_autoptr(GString) kinds = g_string_new(NULL);
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) g_string_append_printf(kinds, "%s%s", i ? " " : "", json_string_value(json_object_get(row, "kind")));
  g_assert_cmpstr(kinds->str, ==, expected);
}

static gint64 count(Place *p, const Scope *scope) {
  g_autoptr(Sql) sql = good(sql_read(p->f.db, error));
  return good(quality_count(sql, scope, error));
}

#define with(...) ({ CatalogRecord *record = sound(&p); __VA_ARGS__; keep_record(&p, record); })

static void test_kinds(void) {
  Place p;
  place_open(&p);
  struct { gint64 id; const char *kinds; } cases[] = {
    {with((void)0), ""},
    {with(put_text(&record->title, "（待定）")), "title"},
    {with(put_text(&record->title, "20230101")), "title"},
    {with(put_text(&record->title, "关于\357\277\275水库的通知")), "characters"},
    {with(put_text(&record->title, "关于\356\200\201水库的通知")), "characters"},
    {with(put_text(&record->title, "关于 水库加固 的通知")), "spaces"},
    {with(put_text(&record->title, "GB/T 18894 实施方案 A1 表")), ""},
    {with(put_text(&record->retention, "")), "retention"},
    {with(put_text(&record->date_text, "某年某月"); record->date = (DateSpan){0, 0}), "date-unread"},
    {with(put_text(&record->date_text, "1961年至1958年"); record->date = (DateSpan){0, 0}), "date-reversed"},
    {with(put_text(&record->date_text, "2958"); record->date = (DateSpan){29580101, 29581231}; record->year = 2958), "date-future"},
    {with(record->year = 1985), "date-year"},
    {with(put_text(&record->fields, "{\"djrq\":\"某日\"}"); record->category = 2; record->parent_id = p.marriages), "value"},
    {with(put_text(&record->fields, "{\"djrq\":\"1979-02-03\"}"); record->category = 2; record->parent_id = p.marriages), ""},
    {with(put_text(&record->retention, "永远")), "term"},
    {with(put_text(&record->date_text, "１９５８０３０１")), "date-width"},
    {with(put_text(&record->fields, "{\"nfxm\":\"王 小明\"}"); record->category = 2; record->parent_id = p.marriages), "name-spaces"},
    {with(put_text(&record->fields, "{\"nfxm\":\"王小明\"}"); record->category = 2; record->parent_id = p.marriages), ""},
  };
  survey(&p, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_test_message("case %u", i);
    g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
    good(sql_exec(sql, "DELETE FROM quality_fault WHERE kind IN ('code', 'person')", SQL_NONE, error)); /* of the rule in use, and of the two Wangs: tested below */
    good(sql_commit(sql, error));
    g_clear_pointer(&sql, sql_end);
    assert_faults(&p, cases[i].id, cases[i].kinds);
  }
  fixture_close(&p.f);
}

static void test_pairs(void) {
  Place p;
  place_open(&p);
  gint64 first = with(put_text(&record->title, "关于防汛的紧急通知")), again = with(put_text(&record->title, "關於防汛的緊急通知"));
  gint64 later = with(put_text(&record->title, "关于防汛的紧急通知"); record->date = (DateSpan){19590101, 19590101}; record->year = 1959);
  gint64 chen = with(put_text(&record->fields, "{\"nfxm\":\"陈国华\",\"nfzjh\":\"1\"}"); record->category = 2; record->parent_id = p.marriages);
  gint64 old = with(put_text(&record->fields, "{\"nfxm\":\"陳國華\"}"); record->category = 2; record->parent_id = p.marriages);
  gint64 other = with(put_text(&record->fields, "{\"nfxm\":\"程国华\",\"nfzjh\":\"1\"}"); record->category = 2; record->parent_id = p.marriages);
  gint64 same = with(put_text(&record->fields, "{\"nfxm\":\"李四海\",\"nfzjh\":\"2\"}"); record->category = 2; record->parent_id = p.marriages);
  /* Born on one day are many: only who sounds alike is likely one person. No number is everybody's. */
  static const struct { const char *fields, *kinds; } born[] = {
    {"{\"nfxm\":\"李秀英\",\"nfcsrq\":\"1950-02-03\"}", "person"}, {"{\"nfxm\":\"李秀瑛\",\"nfcsrq\":\"一九五〇年二月三日\"}", "person"},
    {"{\"nfxm\":\"李桂兰\",\"nfcsrq\":\"1950-02-03\"}", ""}, {"{\"nfxm\":\"黎秀英\",\"nfcsrq\":\"1950-02-03\"}", ""},
    {"{\"nfxm\":\"赵小明\",\"nfcsrq\":\"1950\",\"nfzjh\":\"无\"}", ""}, {"{\"nfxm\":\"赵晓明\",\"nfcsrq\":\"1950\",\"nfzjh\":\"无\"}", ""},
  };
  gint64 people[G_N_ELEMENTS(born)];
  for (guint i = 0; i < G_N_ELEMENTS(born); i++)
    people[i] = with(put_text(&record->fields, born[i].fields); record->category = 2; record->parent_id = p.marriages);
  survey(&p, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS(born); i++) {
    g_test_message("born %u", i);
    assert_faults(&p, people[i], born[i].kinds);
  }
  assert_faults(&p, first, "duplicate");
  assert_faults(&p, again, "duplicate");
  assert_faults(&p, later, "");
  assert_faults(&p, chen, "person");
  assert_faults(&p, old, "person");
  assert_faults(&p, other, "person");
  assert_faults(&p, same, "");
  /* One is put right: only what changed is looked at, and the other one of the pair is free too. */
  {
    g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
    g_autoptr(CatalogRecord) record = good(catalog_record_load(sql, &SCOPE_EVERYTHING, again, error));
    put_text(&record->title, "关于抗旱的通知");
    good(catalog_record_update(&p.f.house, sql, "t", record, 0, error));
    g_autoptr(CatalogRecord) name = good(catalog_record_load(sql, &SCOPE_EVERYTHING, other, error));
    put_text(&name->fields, "{\"nfxm\":\"程国华\",\"nfzjh\":\"9\"}");
    good(catalog_record_update(&p.f.house, sql, "t", name, 0, error));
    good(sql_commit(sql, error));
  }
  survey(&p, FALSE);
  assert_faults(&p, first, "");
  assert_faults(&p, again, "");
  assert_faults(&p, chen, "person"); /* still written two ways with the old one */
  assert_faults(&p, other, "");
  fixture_close(&p.f);
}

static gint64 looked(Place *p) {
  g_autoptr(Sql) sql = good(sql_read(p->f.db, error));
  return good(sql_number(sql, "SELECT SUM(looked) AS looked FROM quality_survey", SQL_NONE, -1, error));
}

static gboolean behind(Place *p) {
  g_autoptr(Sql) sql = good(sql_read(p->f.db, error));
  g_autoptr(GError) error = NULL;
  gboolean is = survey_behind(&p->f.house, sql, &error);
  g_assert_no_error(error);
  return is;
}

static gint64 save_person(Place *p, gint64 id, const char *name, const char *variant) {
  g_autoptr(Sql) sql = good(sql_write(p->f.db, error));
  json_auto_t *person = json_pack("{s:I, s:s, s:s, s:[]}", "id", (json_int_t)id, "kind", "person", "name", name, "names");
  if (variant) json_array_append_new(json_object_get(person, "names"), json_pack("{s:s, s:s, s:s}", "name", variant, "type", "variant", "dates", ""));
  id = good(authority_save(sql, "t", person, 0, error));
  good(sql_commit(sql, error));
  return id;
}

/* Two names of one person in the authority records are no fault, as long as they are; whoever else has one of them changes nothing. */
static void test_joined(void) {
  Place p;
  place_open(&p);
  gint64 chen = with(put_text(&record->fields, "{\"nfxm\":\"陈国华\",\"nfzjh\":\"1\"}"); record->category = 2; record->parent_id = p.marriages);
  gint64 cheng = with(put_text(&record->fields, "{\"nfxm\":\"程国华\",\"nfzjh\":\"1\"}"); record->category = 2; record->parent_id = p.marriages);
  gint64 wang = with(put_text(&record->fields, "{\"nfxm\":\"王国華\"}"); record->category = 2; record->parent_id = p.marriages);
  gint64 same = with(put_text(&record->fields, "{\"nfxm\":\"王国华\"}"); record->category = 2; record->parent_id = p.marriages);
  survey(&p, TRUE);
  assert_faults(&p, chen, "person");
  gint64 before = looked(&p), person = save_person(&p, 0, "陈国华", NULL);
  survey(&p, FALSE);
  assert_faults(&p, chen, "person"); /* one name joins nothing */
  save_person(&p, 0, "程国华", "程国花");
  g_assert_true(behind(&p));
  survey(&p, FALSE);
  assert_faults(&p, chen, "person"); /* each is a person of his own */
  save_person(&p, person, "陈国华", "程国华");
  survey(&p, FALSE);
  assert_faults(&p, chen, "");
  assert_faults(&p, cheng, "");
  assert_faults(&p, wang, "person");
  g_assert_cmpint(looked(&p) - before, <, 8); /* only who is called so */
  g_assert_cmpint(count(&p, &SCOPE_EVERYTHING), ==, 2);
  g_assert_false(behind(&p));
  survey(&p, TRUE); /* a walk over all finds the same */
  assert_faults(&p, chen, "");
  save_person(&p, person, "陈国华", "陈国花");
  survey(&p, FALSE);
  assert_faults(&p, chen, "person");
  assert_faults(&p, cheng, "person");
  save_person(&p, person, "陈国华", "程国华");
  gint64 second = save_person(&p, 0, "王国华", "王国華"), sir = save_person(&p, 0, "陈先生", NULL);
  survey(&p, FALSE);
  assert_faults(&p, wang, "");
  assert_faults(&p, same, "");
  {
    g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
    good(authority_delete(sql, "t", second, error) && authority_merge(sql, "t", person, sir, error) && sql_commit(sql, error));
  }
  survey(&p, FALSE);
  assert_faults(&p, wang, "person");
  assert_faults(&p, chen, ""); /* merged: another has his names now */
  g_assert_false(behind(&p));
  fixture_close(&p.f);
}

static gboolean note_best(gint64 hash, GPtrArray *records, gpointer best, GError **error) {
  *(gint64 *)best = group_best(records);
  return TRUE;
}

static gint64 best_of(Place *p, gint64 id) {
  gint64 best = 0;
  g_autoptr(Sql) sql = good(sql_read(p->f.db, error));
  good(group_each(sql, &SCOPE_EVERYTHING, quality_kind("duplicate"), id, TRUE, note_best, &best, error));
  return best;
}

/* Which one of a group stays where nobody says otherwise. */
static void test_surplus(void) {
  Place p;
  place_open(&p);
  gint64 first = with(put_text(&record->title, "关于防汛的紧急通知")), again = with(put_text(&record->title, "关于防汛的紧急通知"));
  gint64 fuller = with(put_text(&record->title, "关于抗旱的通知")), full = with(put_text(&record->title, "关于抗旱的通知"); record->page_count = 3);
  gint64 bare = with(put_text(&record->title, "关于春耕的通知")), filed = with(put_text(&record->title, "关于春耕的通知"));
  {
    g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
    CatalogFile file = {.record_id = filed, .sequence = 1, .name = (char *)"a.pdf", .path = (char *)"a.pdf", .mime = (char *)"application/pdf", .puid = (char *)"",
      .kind = (char *)"", .sha512 = (char *)"00", .sm3 = (char *)"00"};
    good(catalog_file_add(&p.f.house, sql, &file, error) && sql_commit(sql, error));
  }
  survey(&p, TRUE);
  g_assert_cmpint(best_of(&p, first), ==, first);  /* the older one */
  g_assert_cmpint(best_of(&p, fuller), ==, full);  /* more filled in */
  g_assert_cmpint(best_of(&p, bare), ==, filed);   /* has files */
  g_assert_cmpint(best_of(&p, again), ==, 0);      /* a group is asked for by its first one */
  assert_faults(&p, again, "duplicate");
  fixture_close(&p.f);
}

/* More alike than a series of one title may be: no faults. */
static void test_series(void) {
  Place p;
  place_open(&p);
  gint64 first = with(put_text(&record->title, "会议记录一本"));
  for (guint i = 1; i < PAIR_MOST; i++) with(put_text(&record->title, "会议记录一本"));
  survey(&p, TRUE);
  assert_faults(&p, first, "duplicate");
  with(put_text(&record->title, "会议记录一本"));
  survey(&p, FALSE);
  assert_faults(&p, first, "");
  g_assert_cmpint(count(&p, &SCOPE_EVERYTHING), ==, 0);
  fixture_close(&p.f);
}

static void test_volumes(void) {
  Place p;
  place_open(&p);
  gint64 volume = with(record->level = LEVEL_VOLUME; put_text(&record->fields, "{\"件数\":\"２件\"}"));
  gint64 item = with(record->parent_id = volume; put_text(&record->code, "Z109-1-1-1"); put_text(&record->retention, ""));
  survey(&p, TRUE);
  assert_faults(&p, volume, "pieces");
  assert_faults(&p, item, ""); /* its volume has a retention */
  gint64 loose = with(record->parent_id = volume; put_text(&record->code, "Z109-1-1-甲"));
  survey(&p, FALSE);
  assert_faults(&p, volume, "");
  assert_faults(&p, loose, "code order");
  fixture_close(&p.f);
}

#define change_record(p, record_id, ...) ({ \
  g_autoptr(Sql) sql_ = good(sql_write((p)->f.db, error)); \
  g_autoptr(CatalogRecord) record = good(catalog_record_load(sql_, &SCOPE_EVERYTHING, record_id, error)); \
  __VA_ARGS__; \
  good(catalog_record_update(&(p)->f.house, sql_, "t", record, 0, error)); \
  good(sql_commit(sql_, error)); })

static void choose_rule(Place *p, const char *rule) {
  g_autoptr(Sql) sql = good(sql_write(p->f.db, error));
  json_auto_t *event = json_pack("{s:s, s:{s:I, s:i, s:s, s:i, s:i}}", "action", "code.choose", "data", "fonds", (json_int_t)p->fonds, "category", 1, "rule", rule,
    "volume_width", 0, "item_width", 0);
  good(catalog_code_replay(&p->f.house, sql, event, error) && sql_commit(sql, error));
}

/* What faults rest on besides the record: nobody tells of it, and only whom it concerns is looked at again. */
static void test_ground(void) {
  Place p;
  place_open(&p);
  g_assert_false(behind(&p)); /* before the first survey nothing is asked for */
  gint64 old = with(put_text(&record->date_text, "1931-03-01"); record->date = (DateSpan){19310301, 19310301}; record->year = 1931), plain = with((void)0);
  with(record->category = 2; record->parent_id = p.marriages);
  survey(&p, TRUE);
  assert_faults(&p, old, "");
  g_assert_false(behind(&p));
  survey(&p, FALSE);
  gint64 before = looked(&p);
  change_record(&p, p.fonds, put_text(&record->date_text, "1949"); record->date = (DateSpan){19490101, 19491231});
  g_assert_true(behind(&p));
  survey(&p, FALSE);
  assert_faults(&p, old, "date-early");
  assert_faults(&p, plain, "");
  g_assert_false(behind(&p));
  g_assert_cmpint(looked(&p) - before, ==, 7); /* the fonds itself as changed, and all six of it, not the other fonds */
  before = looked(&p);
  choose_rule(&p, "dat22-2015-piece");
  g_assert_true(behind(&p));
  survey(&p, FALSE);
  assert_faults(&p, plain, "code");
  assert_faults(&p, old, "code date-early");
  g_assert_cmpint(looked(&p) - before, ==, 3); /* the class and the two of that category, not the marriage */
  change_record(&p, p.fonds, put_text(&record->date_text, ""); record->date = (DateSpan){0, 0});
  choose_rule(&p, "dat13-1994-volume");
  survey(&p, FALSE);
  assert_faults(&p, old, "code");
  {
    g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
    FaultGate gate = {p.fonds, LEVEL_ITEM, SECURITY_PUBLIC, 1 << OPENING_OPEN};
    good(fault_put(sql, "date-future", plain, &gate, "日期 1958-03-01", error)); /* as found before that day came */
    good(sql_commit(sql, error));
  }
  g_assert_true(behind(&p));
  survey(&p, FALSE);
  assert_faults(&p, plain, "code");
  g_assert_false(behind(&p));
  fixture_close(&p.f);
}

/* A walk that was broken off goes on with whom it concerned; a full one asked for meanwhile is full. */
static void test_ground_stopped(void) {
  Place p;
  place_open(&p);
  gint64 old = with(put_text(&record->date_text, "1931-03-01"); record->date = (DateSpan){19310301, 19310301}; record->year = 1931);
  survey(&p, TRUE);
  change_record(&p, p.fonds, put_text(&record->date_text, "1949"); record->date = (DateSpan){19490101, 19491231});
  {
    g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
    good(ground_take(&p.f.house, sql, error) == GROUND_SOME); /* as a survey that begins does */
    good(sql_exec(sql, "UPDATE quality_state SET position = 0, rev_begin = rev", SQL_NONE, error) && sql_commit(sql, error));
  }
  g_assert_true(behind(&p));
  survey(&p, FALSE);
  assert_faults(&p, old, "date-early");
  g_assert_false(behind(&p));
  fixture_close(&p.f);
}

/* What leaves its volume or is deleted is no longer counted, nor compared with. */
static void test_left(void) {
  Place p;
  place_open(&p);
  gint64 volume = with(record->level = LEVEL_VOLUME; put_text(&record->code, "Z109-001-001"); put_text(&record->fields, "{\"件数\":\"2\"}"));
  gint64 other = with(record->level = LEVEL_VOLUME; put_text(&record->code, "Z109-001-002"));
  gint64 item = with(record->parent_id = volume; put_text(&record->code, "Z109-001-001-001"));
  gint64 second = with(record->parent_id = volume; put_text(&record->code, "Z109-001-001-002"));
  gint64 first = with(put_text(&record->title, "关于防汛的紧急通知")), again = with(put_text(&record->title, "关于防汛的紧急通知"));
  choose_rule(&p, "dat13-1994-volume");
  survey(&p, TRUE);
  assert_faults(&p, volume, "");
  assert_faults(&p, first, "code duplicate"); /* a loose one under a rule of volumes */
  change_record(&p, item, record->parent_id = other);
  g_assert_true(behind(&p));
  survey(&p, FALSE);
  assert_faults(&p, volume, "pieces");
  change_record(&p, item, record->parent_id = volume);
  survey(&p, FALSE);
  assert_faults(&p, volume, "");
  {
    g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
    good(catalog_record_delete(&p.f.house, sql, "t", second, error) && catalog_record_delete(&p.f.house, sql, "t", again, error));
    good(sql_commit(sql, error));
  }
  g_assert_true(behind(&p));
  survey(&p, FALSE);
  assert_faults(&p, volume, "pieces");
  assert_faults(&p, first, "code");
  assert_faults(&p, again, "");
  /* A volume that gets another code: what lies in it no longer follows. */
  change_record(&p, volume, put_text(&record->code, "Z109-001-077"));
  survey(&p, FALSE);
  assert_faults(&p, item, "code");
  g_assert_false(behind(&p));
  fixture_close(&p.f);
}

static void test_judgement(void) {
  Place p;
  place_open(&p);
  gint64 id = with(put_text(&record->title, "无题"));
  survey(&p, TRUE);
  g_assert_cmpint(count(&p, &SCOPE_EVERYTHING), ==, 1);
  {
    g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
    good(fault_pass(sql, "王", "title", id, "原文如此", error));
    good(sql_commit(sql, error));
  }
  g_assert_cmpint(count(&p, &SCOPE_EVERYTHING), ==, 0);
  survey(&p, TRUE);
  assert_faults(&p, id, "");
  {
    g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
    good(fault_unpass(sql, "王", "title", id, error));
    json_auto_t *event = json_pack("{s:s, s:s, s:{s:s, s:I}, s:{s:s, s:s, s:i}}", "action", "quality.pass", "actor", "王", "subject", "kind", "record", "id",
      (json_int_t)id, "data", "kind", "title", "note", "", "at_us", 5);
    good(sql_commit(sql, error));
    g_clear_pointer(&sql, sql_end);
    survey(&p, TRUE);
    assert_faults(&p, id, "title");
    sql = good(sql_write(p.f.db, error));
    good(quality_replay(&p.f.house, sql, event, error));
    good(sql_commit(sql, error));
  }
  assert_faults(&p, id, "");
  fixture_close(&p.f);
}

/* What is counted is only what may be seen; a pair only by who may see both. */
static void test_gate(void) {
  Place p;
  place_open(&p);
  with(put_text(&record->title, "无题"));
  with(put_text(&record->title, "待定"); record->security = SECURITY_SECRET);
  with(put_text(&record->title, "关于防汛的紧急通知"));
  with(put_text(&record->title, "关于防汛的紧急通知"); record->opening = OPENING_CONTROLLED);
  survey(&p, TRUE);
  const Scope open = {.opening_mask = 1 << OPENING_OPEN, .files_mask = 1 << OPENING_OPEN, .all_fonds = TRUE};
  const Scope staff = {.opening_mask = 15, .files_mask = 15, .all_fonds = TRUE, .security = SECURITY_INTERNAL};
  const Scope elsewhere = {.opening_mask = 15, .files_mask = 15, .fonds = &p.other, .fonds_count = 1, .security = SECURITY_TOP};
  g_assert_cmpint(count(&p, &SCOPE_EVERYTHING), ==, 4);
  g_assert_cmpint(count(&p, &staff), ==, 3);
  g_assert_cmpint(count(&p, &open), ==, 1);
  g_assert_cmpint(count(&p, &elsewhere), ==, 0);
  g_assert_cmpint(count(&p, &SCOPE_NOTHING), ==, 0);
  fixture_close(&p.f);
}

static void test_texts(void) {
  static const char *const SQUEEZED[][2] = {{" 关于 水库 ", "关于水库"}, {"GB/T  18894 实施", "GB/T 18894 实施"}, {"A 水库", "A 水库"}, {"　　", ""}, {"无", "无"}};
  for (guint i = 0; i < G_N_ELEMENTS(SQUEEZED); i++) {
    g_autofree char *text = look_squeezed(SQUEEZED[i][0]);
    g_assert_cmpstr(text, ==, SQUEEZED[i][1]);
  }
  g_autofree char *name = look_name(" 王　小 明"), *foreign = look_name("John  Smith"), *half = look_half_width("临政〔１９５８〕Ａ５号");
  g_assert_cmpstr(name, ==, "王小明");
  g_assert_cmpstr(foreign, ==, "John Smith");
  g_assert_cmpstr(half, ==, "临政〔1958〕A5号");
}

/* After the step that changed what persons are compared by, all is looked at again, and nobody has to ask for it. */
static void test_upgraded(void) {
  Place p;
  place_open(&p);
  gint64 id = with((void)0);
  survey(&p, TRUE);
  g_assert_false(behind(&p));
  {
    g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
    good(sql_exec(sql, "INSERT INTO quality_key (kind, hash, record_id, form) VALUES ('person', 42, $1, 1)", SQL_ARGS(sql_int(id)), error));
    good(sql_exec(sql, "UPDATE schema_version SET number = 3 WHERE room = 'quality'", SQL_NONE, error));
    good(sql_commit(sql, error));
  }
  good(quality_open(p.f.db, error));
  g_assert_true(behind(&p));
  survey(&p, FALSE);
  g_assert_false(behind(&p));
  g_autoptr(Sql) sql = good(sql_read(p.f.db, error));
  g_assert_cmpint(good(sql_number(sql, "SELECT COUNT(*) AS keys FROM quality_key WHERE hash = 42", SQL_NONE, -1, error)), ==, 0);
  sql_end(g_steal_pointer(&sql));
  fixture_close(&p.f);
}

/* A day is that of the archive: surveys before and after midnight there are two, whatever day it is in Greenwich. */
static void test_days(void) {
  static const struct { const char *now; gint64 days; } surveys[] = {
    {"2024-03-01T15:30:00Z", 1}, {"2024-03-01T16:30:00Z", 2}, {"2024-03-02T01:00:00Z", 2}, {"2024-03-02T15:59:00Z", 2}};
  Place p;
  place_open(&p);
  clock_set_zone("Asia/Shanghai");
  for (guint i = 0; i < G_N_ELEMENTS(surveys); i++) {
    g_setenv("LANTAI_NOW", surveys[i].now, TRUE);
    survey(&p, FALSE);
    g_autoptr(Sql) sql = good(sql_read(p.f.db, error));
    g_assert_cmpint(good(sql_number(sql, "SELECT COUNT(*) AS days FROM quality_survey", SQL_NONE, 0, error)), ==, surveys[i].days);
  }
  g_unsetenv("LANTAI_NOW");
  fixture_close(&p.f);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/quality/kinds", test_kinds);
  g_test_add_func("/quality/days", test_days);
  g_test_add_func("/quality/pairs", test_pairs);
  g_test_add_func("/quality/joined", test_joined);
  g_test_add_func("/quality/surplus", test_surplus);
  g_test_add_func("/quality/series", test_series);
  g_test_add_func("/quality/volumes", test_volumes);
  g_test_add_func("/quality/ground", test_ground);
  g_test_add_func("/quality/ground-stopped", test_ground_stopped);
  g_test_add_func("/quality/upgraded", test_upgraded);
  g_test_add_func("/quality/left", test_left);
  g_test_add_func("/quality/judgement", test_judgement);
  g_test_add_func("/quality/gate", test_gate);
  g_test_add_func("/quality/texts", test_texts);
  return g_test_run();
}
