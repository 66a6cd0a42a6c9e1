/* Resumable uploads: slices in order and only there, one person's own, what a crash leaves, space, and the sweep. */
#include "accession-test.h"
#include "upload.h"
#include <sys/statvfs.h>

typedef struct { TestHouse *t; House *house; } Fixture;

static void set_up(Fixture *f, gconstpointer data) {
  f->t = test_house_new();
  f->house = &f->t->house;
}
static void tear_down(Fixture *f, gconstpointer data) {
  g_unsetenv("LANTAI_NOW");
  test_house_remove(f->t);
}

static gint64 start(Fixture *f, const char *actor, const char *name, gint64 size, const char *mark) {
  GError *error = NULL;
  gint64 id = upload_start(f->house, actor, &(UploadStart){name, mark, size}, &error);
  g_assert_no_error(error);
  g_assert_cmpint(id, >, 0);
  return id;
}

static int add(Fixture *f, const char *actor, gint64 id, gint64 offset, const char *bytes) { /* the error's code, -1: added */
  g_autofree char *slice = test_write(f->t, "slice", bytes);
  GError *error = NULL;
  gboolean good = upload_add(f->house, actor, id, offset, slice, &error);
  int code = error ? error->code : -1;
  g_assert_cmpint(good, ==, error == NULL);
  if (error) g_assert_cmpuint(error->domain, ==, LANTAI_ERROR);
  g_clear_error(&error);
  return code;
}

static gint64 received(Fixture *f, gint64 id) {
  json_t *row = upload_read(f->house, "tester", id, NULL);
  gint64 bytes = row ? int_at(row, "received") : -1;
  json_decref(row);
  return bytes;
}

static char *stored(Fixture *f, gint64 id) {
  g_autofree char *name = g_strdup_printf("tmp/resumable/%d", (int)id), *path = g_build_filename(f->t->dir, name, NULL);
  char *text = NULL;
  g_file_get_contents(path, &text, NULL, NULL);
  return text;
}

static void test_slices(Fixture *f, gconstpointer data) {
  gint64 id = start(f, "tester", "C:\\资料\\移交包.zip", 10, "甲");
  g_assert_cmpint(add(f, "tester", id, 0, "0123"), ==, -1);
  g_assert_cmpint(add(f, "tester", id, 0, "xxxx"), ==, LANTAI_ERROR_CONFLICT);
  g_assert_cmpint(add(f, "tester", id, 8, "89"), ==, LANTAI_ERROR_CONFLICT);
  g_assert_cmpint(add(f, "tester", id, 4, "4567890"), ==, LANTAI_ERROR_INVALID); /* more than was said */
  g_assert_cmpint(add(f, "tester", id, 4, ""), ==, LANTAI_ERROR_INVALID);
  g_assert_cmpint(add(f, "tester", id, -4, "4"), ==, LANTAI_ERROR_CONFLICT);
  g_assert_cmpint(received(f, id), ==, 4);
  g_assert_cmpint(start(f, "tester", "移交包.zip", 10, "甲"), ==, id); /* the same file goes on */
  g_assert_cmpint(start(f, "tester", "移交包.zip", 10, "乙"), !=, id);
  g_assert_cmpint(start(f, "other", "移交包.zip", 10, "甲"), !=, id);
  g_assert_cmpint(add(f, "tester", id, 4, "456789"), ==, -1);
  g_autofree char *text = stored(f, id);
  g_assert_cmpstr(text, ==, "0123456789");
  json_t *row = upload_read(f->house, "tester", id, NULL);
  g_assert_true(json_is_true(json_object_get(row, "complete")));
  g_assert_cmpstr(text_at(row, "name"), ==, "移交包.zip");
  json_decref(row);
}

static void test_own(Fixture *f, gconstpointer data) {
  gint64 id = start(f, "tester", "a.zip", 4, "甲");
  GError *error = NULL;
  g_assert_null(upload_read(f->house, "other", id, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND);
  g_clear_error(&error);
  g_assert_cmpint(add(f, "other", id, 0, "abcd"), ==, LANTAI_ERROR_NOT_FOUND);
  g_assert_false(upload_drop(f->house, "other", id, NULL));
  json_t *list = upload_list(f->house, "other", NULL);
  g_assert_cmpuint(json_array_size(list), ==, 0);
  json_decref(list);
  g_assert_cmpint(add(f, "tester", id, 0, "ab"), ==, -1);
  g_assert_true(upload_drop(f->house, "tester", id, &error));
  g_assert_cmpint(received(f, id), ==, -1);
  g_assert_null(stored(f, id));
}

/* A slice on disk that the row does not count yet is written again; nothing of it stays when what follows is shorter. */
static void test_crash(Fixture *f, gconstpointer data) {
  gint64 id = start(f, "tester", "a.zip", 6, "甲");
  g_assert_cmpint(add(f, "tester", id, 0, "ab"), ==, -1);
  g_setenv("LANTAI_FAULT", "upload.part:1:error", TRUE);
  g_assert_cmpint(add(f, "tester", id, 2, "XYZQ"), ==, LANTAI_ERROR_UNAVAILABLE);
  g_unsetenv("LANTAI_FAULT");
  g_assert_cmpint(received(f, id), ==, 2);
  g_assert_cmpint(add(f, "tester", id, 2, "cd"), ==, -1);
  g_autofree char *half = stored(f, id);
  g_assert_cmpstr(half, ==, "abcd");
  g_assert_cmpint(add(f, "tester", id, 4, "ef"), ==, -1);
  g_autofree char *whole = stored(f, id);
  g_assert_cmpstr(whole, ==, "abcdef");
}

static void test_limits(Fixture *f, gconstpointer data) {
  static const struct { gint64 size; int code; } cases[] = {
    {0, LANTAI_ERROR_INVALID}, {-1, LANTAI_ERROR_INVALID}, {G_MAXINT64, LANTAI_ERROR_TOO_LARGE}, {(gint64)1999 << 30, LANTAI_ERROR_UNAVAILABLE}};
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    struct statvfs disk;
    g_assert_cmpint(statvfs(f->t->dir, &disk), ==, 0);
    if (cases[i].code == LANTAI_ERROR_UNAVAILABLE && disk.f_bavail * disk.f_frsize > (guint64)cases[i].size) continue; /* such a disk has the room */
    GError *error = NULL;
    g_assert_cmpint(upload_start(f->house, "tester", &(UploadStart){"a", "b", cases[i].size}, &error), ==, 0);
    g_assert_error(error, LANTAI_ERROR, cases[i].code);
    if (cases[i].code == LANTAI_ERROR_UNAVAILABLE) g_assert_nonnull(strstr(error->message, "需要 2."));
    g_clear_error(&error);
  }
}

static void test_sweep(Fixture *f, gconstpointer data) {
  g_setenv("LANTAI_NOW", "2026-11-01T00:00:00Z", TRUE);
  gint64 old = start(f, "tester", "旧.zip", 4, "甲"), kept = start(f, "tester", "续.zip", 4, "甲");
  g_assert_cmpint(add(f, "tester", old, 0, "ab"), ==, -1);
  g_setenv("LANTAI_NOW", "2026-11-07T00:00:00Z", TRUE);
  g_assert_cmpint(add(f, "tester", kept, 0, "ab"), ==, -1);
  g_setenv("LANTAI_NOW", "2026-11-08T00:00:01Z", TRUE);
  upload_sweep(f->house);
  g_assert_cmpint(received(f, old), ==, -1);
  g_assert_null(stored(f, old));
  g_assert_cmpint(received(f, kept), ==, 2);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add("/upload/slices", Fixture, NULL, set_up, test_slices, tear_down);
  g_test_add("/upload/own", Fixture, NULL, set_up, test_own, tear_down);
  g_test_add("/upload/crash", Fixture, NULL, set_up, test_crash, tear_down);
  g_test_add("/upload/limits", Fixture, NULL, set_up, test_limits, tear_down);
  g_test_add("/upload/sweep", Fixture, NULL, set_up, test_sweep, tear_down);
  return g_test_run();
}
