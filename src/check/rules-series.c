/*
 * Rules that see a delivery as a row of descriptions: duplicates, gaps in numbers, elements that nobody filled, process metadata.
 *
 * 1. Duplicates are found by digests of their keys (keymap.h): 32 MB for 1.24 million rows and one key.
 * 2. Numbers are kept as runs for each prefix, so a series without gaps costs one run.
 */
#include "internal.h"
#include "keymap.h"
#include <string.h>

/* ---- duplicates ---- */

typedef struct { KeyMap *keys; GPtrArray *names; } Seen; /* names: the files of units that have neither row nor number */
enum { NAMED = 1u << 31 };                               /* in a key's number: a place among the names, from 1 */

static void clear_keys(gpointer state) {
  Seen *seen = state;
  if (seen == NULL) return;
  keymap_free(seen->keys);
  g_ptr_array_unref(seen->names);
  g_free(seen);
}

/* What a later unit with the same key is told to be the same as; 0: nothing tells it. */
static guint32 number_of(Seen *seen, const Unit *unit) {
  if (unit->row || unit->record_id || unit->file_count == 0) return (guint32)(unit->row ? unit->row : unit->record_id);
  if (seen->names->len == 0 || !g_str_equal(seen->names->pdata[seen->names->len - 1], unit->files[0].path))
    g_ptr_array_add(seen->names, g_strdup(unit->files[0].path));
  return NAMED | seen->names->len;
}

static gboolean duplicate_begin(Probe *probe, GError **error) {
  json_t *keys = probe_with(probe, "keys"), *key, *part;
  size_t i, k;
  if (!json_is_array(keys) || json_array_size(keys) == 0) return throw(error, LANTAI_ERROR_INVALID, "keys 应为列表，每一组著录项相同即为重复，如 [[fonds, code]]");
  json_array_foreach(keys, i, key)
    json_array_foreach(key, k, part)
      if (!json_is_string(part)) return throw(error, LANTAI_ERROR_INVALID, "keys 的每一组应为著录项代码的列表");
  Seen *seen = probe->state = g_new0(Seen, 1);
  *seen = (Seen){keymap_new(), g_ptr_array_new_with_free_func(g_free)};
  return TRUE;
}

static gboolean part_may_be_empty(const char *key) { return g_str_equal(key, "fonds") || g_str_equal(key, "level"); }

/* NULL when a part that makes the key is empty: nothing then is the same. */
static GString *key_text(json_t *record, json_t *key, gsize group) {
  g_autoptr(GString) text = g_string_new_len((const char *)&group, sizeof group);
  size_t i;
  json_t *part;
  json_array_foreach(key, i, part) {
    g_autofree char *value = record_value(record, json_string_value(part));
    if (*value == '\0' && !part_may_be_empty(json_string_value(part))) return NULL;
    g_string_append_len(text, value, (gssize)strlen(value) + 1);
  }
  return g_steal_pointer(&text);
}

static void duplicate_unit(Probe *probe, const Unit *unit) {
  json_t *key;
  size_t i;
  Seen *seen = probe->state;
  probe->checked++;
  json_array_foreach(probe_with(probe, "keys"), i, key) {
    g_autoptr(GString) text = key_text(unit->record, key, i);
    guint32 first = text ? keymap_add(seen->keys, text->str, text->len, number_of(seen, unit)) : 0;
    if (first == 0) continue;
    g_autoptr(GString) labels = g_string_new(NULL);
    for (size_t k = 0; k < json_array_size(key); k++) {
      const char *part = json_string_value(json_array_get(key, k));
      g_autofree char *label = record_label(probe->run, unit->record, part);
      if (!part_may_be_empty(part)) g_string_append_printf(labels, "%s%s", labels->len ? "、" : "", label);
    }
    if (first & NAMED) probe_fault(probe, unit, NULL, "%s与文件 %s 相同", labels->str, (const char *)seen->names->pdata[(first & ~(guint32)NAMED) - 1]);
    else probe_fault(probe, unit, NULL, unit->row ? "%s与第 %d 行相同" : "%s与编号 %d 的条目相同", labels->str, (int)first);
  }
}

/* ---- gaps in a series of numbers ---- */

typedef struct { gint64 from, to; } Range;
typedef struct { Range last; GArray *others; guint width; } Series;
typedef struct { GHashTable *series; GPtrArray *order; /* prefixes as they came */ gint64 from; } Sequences;

static void series_free(gpointer data) {
  Series *series = data;
  if (series->others) g_array_unref(series->others);
  g_free(series);
}

static void sequence_clear(gpointer state) {
  Sequences *sequences = state;
  if (sequences == NULL) return;
  g_ptr_array_unref(sequences->order);
  g_hash_table_unref(sequences->series);
  g_free(sequences);
}

static gboolean sequence_begin(Probe *probe, GError **error) {
  Sequences *sequences = probe->state = g_new0(Sequences, 1);
  sequences->series = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, series_free);
  sequences->order = g_ptr_array_new();
  return probe_number(probe, "from", 0, &sequences->from, error);
}

/* The last run of digits of a code (before a page after "/") and what stands before it. */
static gboolean split_code(const char *code, char **ret_prefix, gint64 *ret_number, guint *ret_width) {
  const char *end = strchr(code, '/'), *start;
  if (end == NULL) end = code + strlen(code);
  for (start = end; start > code && g_ascii_isdigit(start[-1]); start--) continue;
  if (start == end || end - start > 9 || start == code) return FALSE;
  g_autofree char *digits = g_strndup(start, (gsize)(end - start));
  *ret_number = g_ascii_strtoll(digits, NULL, 10);
  *ret_width = (guint)(end - start);
  *ret_prefix = g_strndup(code, (gsize)(start - code));
  return TRUE;
}

static void take_number(Series *series, gint64 number) {
  if (number == series->last.to + 1) {
    series->last.to = number;
    return;
  }
  if (number >= series->last.from && number <= series->last.to) return;
  if (series->others == NULL) series->others = g_array_new(FALSE, FALSE, sizeof(Range));
  g_array_append_val(series->others, series->last);
  series->last = (Range){number, number};
}

static void sequence_unit(Probe *probe, const Unit *unit) {
  Sequences *sequences = probe->state;
  g_autofree char *prefix = NULL, *key = NULL;
  gint64 number;
  guint width;
  if (!split_code(record_code(unit->record), &prefix, &number, &width)) return;
  probe->checked++;
  key = g_strconcat(record_is_item(unit->record) ? "" : "卷 ", prefix, NULL);
  Series *series = g_hash_table_lookup(sequences->series, key);
  if (series) {
    take_number(series, number);
    return;
  }
  series = g_new0(Series, 1);
  *series = (Series){{number, number}, NULL, width};
  g_ptr_array_add(sequences->order, key);
  g_hash_table_insert(sequences->series, g_steal_pointer(&key), series);
}

static int compare_ranges(gconstpointer a, gconstpointer b) {
  const Range *left = a, *right = b;
  return (left->from > right->from) - (left->from < right->from);
}

static void tell_gap(Probe *probe, const char *prefix, guint width, gint64 from, gint64 to) {
  if (from > to) return;
  int digits = (int)width;
  if (from == to) probe_fault(probe, NULL, NULL, "%s 之下缺 %0*d", prefix, digits, (int)from);
  else probe_fault(probe, NULL, NULL, "%s 之下缺 %0*d 至 %0*d（%d 个）", prefix, digits, (int)from, digits, (int)to, (int)(to - from + 1));
}

static void sequence_end(Probe *probe) {
  Sequences *sequences = probe->state;
  for (guint i = 0; i < sequences->order->len; i++) {
    const char *prefix = sequences->order->pdata[i];
    Series *series = g_hash_table_lookup(sequences->series, prefix);
    if (series->others == NULL) series->others = g_array_new(FALSE, FALSE, sizeof(Range));
    g_array_append_val(series->others, series->last);
    g_array_sort(series->others, compare_ranges);
    gint64 next = sequences->from > 0 ? sequences->from : g_array_index(series->others, Range, 0).from;
    for (guint k = 0; k < series->others->len; k++) {
      Range range = g_array_index(series->others, Range, k);
      tell_gap(probe, prefix, series->width, next, range.from - 1);
      next = MAX(next, range.to + 1);
    }
  }
}

/* ---- elements: each of the set is filled in at least once ---- */

typedef struct { GHashTable *filled; gint64 items; } Elements;

static void elements_clear(gpointer state) {
  Elements *elements = state;
  if (elements) g_hash_table_unref(elements->filled);
  g_free(elements);
}

static gboolean elements_begin(Probe *probe, GError **error) {
  json_t *keys = probe_with(probe, "keys"), *key;
  size_t i;
  if (!json_is_array(keys)) return throw(error, LANTAI_ERROR_INVALID, "keys 应为著录项代码的列表");
  json_array_foreach(keys, i, key)
    if (!json_is_string(key)) return throw(error, LANTAI_ERROR_INVALID, "keys 应为著录项代码的列表");
  Elements *elements = probe->state = g_new0(Elements, 1);
  elements->filled = g_hash_table_new(g_str_hash, g_str_equal);
  return TRUE;
}

static void elements_unit(Probe *probe, const Unit *unit) {
  Elements *elements = probe->state;
  json_t *key;
  size_t i;
  if (!record_is_item(unit->record)) return;
  probe->checked++;
  if (g_hash_table_size(elements->filled) == json_array_size(probe_with(probe, "keys"))) return;
  json_array_foreach(probe_with(probe, "keys"), i, key) {
    const char *name = json_string_value(key);
    g_autofree char *value = g_hash_table_contains(elements->filled, name) ? NULL : record_value(unit->record, name);
    if (value && *value) g_hash_table_add(elements->filled, (gpointer)name);
  }
}

static void elements_end(Probe *probe) {
  Elements *elements = probe->state;
  json_t *key;
  size_t i;
  if (probe->checked == 0) return;
  json_array_foreach(probe_with(probe, "keys"), i, key) {
    if (g_hash_table_contains(elements->filled, json_string_value(key))) continue;
    g_autofree char *label = record_label(probe->run, NULL, json_string_value(key));
    probe_fault(probe, NULL, NULL, "全部 %d 件都没有“%s”", (int)probe->checked, label);
  }
}

/* ---- process metadata: those that have none, where some have ---- */

typedef struct { gint64 with; } Process;

static gboolean process_begin(Probe *probe, GError **error) {
  if (!json_is_array(probe_with(probe, "names"))) return throw(error, LANTAI_ERROR_INVALID, "names 应为过程信息栏名称的列表");
  probe->state = g_new0(Process, 1);
  return TRUE;
}

static gboolean has_process(json_t *record, json_t *names) {
  json_t *own = json_object_get(record, "process"), *name;
  size_t i;
  if (json_array_size(own) > 0) return TRUE;
  json_array_foreach(names, i, name) {
    g_autofree char *value = json_is_string(name) ? record_value(record, json_string_value(name)) : NULL;
    if (value && *value) return TRUE;
  }
  return FALSE;
}

static void process_unit(Probe *probe, const Unit *unit) {
  if (!record_is_item(unit->record)) return;
  probe->checked++;
  if (has_process(unit->record, probe_with(probe, "names"))) ((Process *)probe->state)->with++;
  else probe_fault(probe, unit, NULL, "没有过程信息");
}

static void process_end(Probe *probe) {
  if (probe->checked == 0 || ((Process *)probe->state)->with) return;
  probe_withdraw(probe);
  probe_skip(probe, "移交的内容中没有过程信息（业务实体，或记载处理过程的栏目），无从检测");
}

static const char *const DUPLICATE[] = {"keys", NULL}, *const SEQUENCE[] = {"from", NULL}, *const ELEMENTS[] = {"keys", NULL}, *const PROCESS[] = {"names", NULL};

const Rule RULES_SERIES[] = {
  {"duplicate", DUPLICATE, 0, duplicate_begin, duplicate_unit, .clear = clear_keys},
  {"sequence", SEQUENCE, 0, sequence_begin, sequence_unit, .end = sequence_end, .clear = sequence_clear},
  {"elements", ELEMENTS, 0, elements_begin, elements_unit, .end = elements_end, .clear = elements_clear},
  {"process", PROCESS, 0, process_begin, process_unit, .end = process_end, .clear = g_free},
  {NULL},
};
