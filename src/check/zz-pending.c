/* Stands in for the checks until they land, then goes: no run begins, so no delivery has a result. */
#include "check.h"
#include "error.h"

__attribute__((weak)) CheckRun *check_begin(const House *house, const CheckSubject *subject, GError **error) { return NULL; }
__attribute__((weak)) gboolean check_unit(CheckRun *run, const CheckUnit *unit, GError **error) { return FALSE; }
__attribute__((weak)) gboolean check_surplus(CheckRun *run, const char *path, GError **error) { return FALSE; }
__attribute__((weak)) gint64 check_end(CheckRun *run, GError **error) { return 0; }
__attribute__((weak)) void check_free(CheckRun *run) {}
__attribute__((weak)) json_t *check_latest(Sql *sql, const char *subject_kind, gint64 subject_id, GError **error) { return NULL; }
__attribute__((weak)) json_t *check_report(Sql *sql, gint64 id, guint limit, GError **error) { return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有检测结果"); }
__attribute__((weak)) void check_set_visible(const char *subject_kind, CheckVisible visible, const char *href_prefix) {}
