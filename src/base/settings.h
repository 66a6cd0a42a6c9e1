/*
 * Settings of one archive (DIR/lantai.yaml, every key documented in the file that `lantai init` writes), YAML reading, time and faults.
 */
#pragma once
#include <glib.h>
#include <jansson.h>

/* A YAML document (mappings, sequences, scalars; no anchors beyond libyaml's limits, depth ≤ 32, ≤ 16 MiB) as JSON: plain scalars true/false,
 * null and decimal integers become their JSON types, quoted ones stay text. Errors name file and line. New reference. */
json_t *yaml_load_file(const char *path, GError **error);
json_t *yaml_load_text(const char *text, const char *name, GError **error);
/* The way back, without comments (yaml-write.c); order: keys that stand first (NULL: none), NULL-ended. New. */
char *yaml_write(json_t *document, const char *const *order);
char *yaml_write_flow(json_t *value); /* on one line: {状态: [甲, 乙]} */

/* Definitions: an archive's own file where there is one, else the one that travels in the program. path: below definitions/, "checks/filing.yaml". */
json_t *yaml_load_definition(const char *dir, const char *path, GError **error); /* dir NULL: the program's; NOT_FOUND */
json_t *yaml_load_built_in(const char *path, GError **error);                    /* "definitions/codes.yaml", "demo/words.yaml"; NOT_FOUND */
/* Which there are of a kind ("ledgers"), sorted: those of the archive's folder, also when it has none; without such a folder the program's. g_strfreev. */
char **yaml_definition_names(const char *dir, const char *kind);
json_t *yaml_load_definitions(const char *dir, const char *kind, GError **error); /* {file name: document} of them all */

typedef struct Settings Settings;
Settings *settings_load(const char *dir, GError **error);  /* defaults where DIR/lantai.yaml is silent or absent; unknown keys are an error */
/* CONFLICT if the file is there already. */
gboolean settings_write_default(const char *dir, GError **error);
void settings_free(Settings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Settings, settings_free)
/* key is dotted, e.g. "server.port"; a key without default is a programming error. */
const char *settings_text(const Settings *settings, const char *key);
const char *settings_archive_code(const Settings *settings); /* 档案馆代码; NULL: none was given (000000) */
json_t *settings_archive(const Settings *settings);          /* {name, code}, for forms; code only when there is one */
gint64 settings_int(const Settings *settings, const char *key);

/* Time comes through here so that tests can set it: LANTAI_NOW=<ISO time> freezes the clock. */
gint64 clock_now_us(void);              /* microseconds since 1970, UTC */
/* What day and hour it is for the whole process, whatever the machine is set to: archive.time_zone. At start, before there are threads. */
void clock_set_zone(const char *zone);
gboolean clock_zone_is_known(const char *zone);
char *clock_format(gint64 at_us);       /* "2026-11-22 14:05" in that zone */
char *clock_format_iso(gint64 at_us);   /* "2026-11-22T06:05:00.000000Z" */

/* A named place where tests make the process die or fail: LANTAI_FAULT=name:n kills (SIGKILL) at the n-th pass, name:n:error makes
 * fault_point return FALSE there once. Otherwise TRUE and free of cost. */
gboolean fault_point(const char *name);

/* Structured log lines on standard error (time, level, room, message); LANTAI_LOG=debug|info|warning. */
void log_init(void);
