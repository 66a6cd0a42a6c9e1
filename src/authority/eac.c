/*
 * EAC-CPF 2010 (urn:isbn:1-931666-33-4) of one authority: control, identity with all names, dates of existence, places, functions, history, relations.
 * Element order is the schema's. Places and topics are no corporate bodies, persons or families: they have no EAC-CPF.
 */
#include "internal.h"
#include "settings.h"

static void indent(GString *out, guint depth) {
  for (guint i = 0; i < depth; i++) g_string_append(out, "  ");
}

/* <name attribute="value" …>text</name>; text NULL: left open. Attributes in pairs, ended by NULL; a NULL value is left out. */
static void element(GString *out, guint depth, const char *name, const char *text, const char *const *attributes) {
  indent(out, depth);
  g_string_append_printf(out, "<%s", name);
  for (; attributes != NULL && attributes[0] != NULL; attributes += 2) {
    if (attributes[1] == NULL) continue;
    g_autofree char *escaped = g_markup_escape_text(attributes[1], -1);
    g_string_append_printf(out, " %s=\"%s\"", attributes[0], escaped);
  }
  g_autofree char *body = text == NULL ? NULL : g_markup_escape_text(text, -1);
  if (body == NULL) g_string_append(out, ">\n");
  else g_string_append_printf(out, ">%s</%s>\n", body, name);
}

static void leaf(GString *out, guint depth, const char *name, const char *text) { element(out, depth, name, text, NULL); }
static void open_element(GString *out, guint depth, const char *name) { element(out, depth, name, NULL, NULL); }
static void close_element(GString *out, guint depth, const char *name) {
  indent(out, depth);
  g_string_append_printf(out, "</%s>\n", name);
}

/* What xs:date, xs:gYearMonth or xs:gYear take; NULL when the span is none of these. */
static char *standard_date(const char *text) {
  DateSpan span = {0, 0};
  if (!date_parse(text, &span) || span.from == 0) return NULL;
  char *shown = date_format(span);
  if (strchr(shown, '/') == NULL) return shown;
  g_free(shown);
  return NULL;
}

static void write_end(GString *out, guint depth, const char *name, const char *text) {
  g_autofree char *standard = standard_date(text);
  element(out, depth, name, text, (const char *const[]){"standardDate", standard, NULL});
}

static void write_dates(GString *out, guint depth, const char *begin, const char *end) {
  if (*begin == '\0' && *end == '\0') return;
  open_element(out, depth, "dateRange");
  if (*begin) write_end(out, depth + 1, "fromDate", begin);
  if (*end) write_end(out, depth + 1, "toDate", end);
  close_element(out, depth, "dateRange");
}

static void write_name(GString *out, const char *name, const char *type, const char *dates) {
  element(out, 3, "nameEntry", NULL, (const char *const[]){"xml:lang", "zh", "localType", type, NULL});
  leaf(out, 4, "part", name);
  if (type == NULL) leaf(out, 4, "authorizedForm", "ISAAR(CPF)");
  if (dates != NULL && *dates != '\0') {
    open_element(out, 4, "useDates");
    leaf(out, 5, "date", dates);
    close_element(out, 4, "useDates");
  }
  close_element(out, 3, "nameEntry");
}

static void write_paragraphs(GString *out, guint depth, const char *text) {
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (**line != '\0') leaf(out, depth, "p", *line);
}

static void write_control(GString *out, json_t *authority, const char *agency, const char *agency_code) {
  g_autofree char *number = g_strdup_printf("authority-%" G_GINT64_FORMAT, int_at(authority, "id")), *now = clock_format_iso(clock_now_us());
  open_element(out, 1, "control");
  leaf(out, 2, "recordId", number);
  leaf(out, 2, "maintenanceStatus", int_at(authority, "rev") > 1 ? "revised" : "new");
  open_element(out, 2, "maintenanceAgency");
  if (agency_code != NULL) leaf(out, 3, "otherAgencyCode", agency_code); /* agencyCode is for codes of ISO 15511 alone */
  leaf(out, 3, "agencyName", agency);
  close_element(out, 2, "maintenanceAgency");
  open_element(out, 2, "languageDeclaration");
  element(out, 3, "language", "中文", (const char *const[]){"languageCode", "chi", NULL});
  element(out, 3, "script", "汉字", (const char *const[]){"scriptCode", "Hani", NULL});
  close_element(out, 2, "languageDeclaration");
  open_element(out, 2, "maintenanceHistory");
  open_element(out, 3, "maintenanceEvent");
  leaf(out, 4, "eventType", "derived");
  element(out, 4, "eventDateTime", now, (const char *const[]){"standardDateTime", now, NULL});
  leaf(out, 4, "agentType", "machine");
  leaf(out, 4, "agent", "兰台数字档案馆系统 " LANTAI_VERSION);
  close_element(out, 3, "maintenanceEvent");
  close_element(out, 2, "maintenanceHistory");
  if (*text_at(authority, "sources")) {
    open_element(out, 2, "sources");
    open_element(out, 3, "source");
    leaf(out, 4, "sourceEntry", text_at(authority, "sources"));
    close_element(out, 3, "source");
    close_element(out, 2, "sources");
  }
  close_element(out, 1, "control");
}

static void write_identity(GString *out, json_t *authority) {
  const char *kind = text_at(authority, "kind");
  open_element(out, 2, "identity");
  leaf(out, 3, "entityType", g_str_equal(kind, "person") ? "person" : g_str_equal(kind, "family") ? "family" : "corporateBody");
  write_name(out, text_at(authority, "name"), NULL, NULL);
  size_t i;
  json_t *name;
  json_array_foreach(json_object_get(authority, "names"), i, name)
    write_name(out, text_at(name, "name"), word_label(NAME_TYPES, text_at(name, "type")), text_at(name, "dates"));
  close_element(out, 2, "identity");
}

static void write_description(GString *out, json_t *authority) {
  const char *begin = text_at(authority, "begin"), *end = text_at(authority, "end"), *places = text_at(authority, "places"), *functions = text_at(authority,
    "functions"),
    *history = text_at(authority, "history"), *note = text_at(authority, "note");
  if (!*begin && !*end && !*places && !*functions && !*history && !*note) return;
  open_element(out, 2, "description");
  if (*begin || *end) {
    open_element(out, 3, "existDates");
    write_dates(out, 4, begin, end);
    close_element(out, 3, "existDates");
  }
  static const struct { const char *key, *element, *part; } parts[] = {{"places", "place", "placeEntry"}, {"functions", "function", "term"}};
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
    g_auto(GStrv) lines = g_strsplit_set(text_at(authority, parts[i].key), "\n；;", -1);
    for (char **line = lines; *line != NULL; line++) {
      if (*g_strstrip(*line) == '\0') continue;
      open_element(out, 3, parts[i].element);
      leaf(out, 4, parts[i].part, *line);
      close_element(out, 3, parts[i].element);
    }
  }
  if (*history || *note) {
    open_element(out, 3, "biogHist");
    write_paragraphs(out, 4, history);
    write_paragraphs(out, 4, note);
    close_element(out, 3, "biogHist");
  }
  close_element(out, 2, "description");
}

static const char *relation_type(json_t *relation) {
  static const struct { const char *label, *type; } types[] = {{"前身", "temporal-earlier"}, {"由其并入", "temporal-earlier"}, {"后继", "temporal-later"}, {"并入",
    "temporal-later"},
    {"上级", "hierarchical-parent"}, {"下级", "hierarchical-child"}, {"亲属", "family"}};
  for (guint i = 0; i < G_N_ELEMENTS(types); i++)
    if (g_str_equal(types[i].label, text_at(relation, "label"))) return types[i].type;
  return "associative";
}

static gboolean write_relations(GString *out, Sql *sql, json_t *authority, GError **error) {
  json_auto_t *relations = relations_of(sql, int_at(authority, "id"), error);
  if (relations == NULL) return FALSE;
  if (json_array_size(relations) == 0) return TRUE;
  open_element(out, 2, "relations");
  size_t i;
  json_t *relation;
  json_array_foreach(relations, i, relation) {
    g_autofree char *href = g_strdup_printf("authority-%" G_GINT64_FORMAT, int_at(relation, "other"));
    element(out, 3, "cpfRelation", NULL, (const char *const[]){"cpfRelationType", relation_type(relation), "xlink:type", "simple", "xlink:href", href, NULL});
    leaf(out, 4, "relationEntry", text_at(relation, "name"));
    if (*text_at(relation, "dates")) leaf(out, 4, "date", text_at(relation, "dates"));
    if (*text_at(relation, "note")) {
      open_element(out, 4, "descriptiveNote");
      leaf(out, 5, "p", text_at(relation, "note"));
      close_element(out, 4, "descriptiveNote");
    }
    close_element(out, 3, "cpfRelation");
  }
  close_element(out, 2, "relations");
  return TRUE;
}

char *authority_eac(Sql *sql, gint64 id, const char *agency, const char *agency_code, GError **error) {
  json_auto_t *authority = authority_load(sql, id, error);
  if (authority == NULL) return NULL;
  const char *kind = text_at(authority, "kind");
  gboolean agent = g_str_equal(kind, "body") || g_str_equal(kind, "person") || g_str_equal(kind, "family");
  if (!agent || !g_str_equal(text_at(authority, "state"), "live"))
    return throw_null(error, LANTAI_ERROR_NOT_FOUND, "“%s”没有 EAC-CPF：只有在用的机构、人物和家族记录可以导出", text_at(authority, "name"));
  g_autoptr(GString) out = g_string_new("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
  element(out, 0, "eac-cpf", NULL, (const char *const[]){"xmlns", "urn:isbn:1-931666-33-4", "xmlns:xlink", "http://www.w3.org/1999/xlink", NULL});
  write_control(out, authority, agency, agency_code);
  open_element(out, 1, "cpfDescription");
  write_identity(out, authority);
  write_description(out, authority);
  if (!write_relations(out, sql, authority, error)) return NULL;
  close_element(out, 1, "cpfDescription");
  close_element(out, 0, "eac-cpf");
  return g_string_free(g_steal_pointer(&out), FALSE);
}
