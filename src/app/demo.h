/* The demonstration archive: an invented city's holdings, the same at every making. demo-rows.c makes the catalogues, demo-page.c and
 * demo-media.c their documents, demo-register.c registers that are data, demo-life.c what came lately and is in all states of receiving and keeping. */
#pragma once
#include "house.h"
#include <glib.h>
#include <jansson.h>

/* Random numbers that depend on the seed alone (SplitMix64), not on any library's version. */
typedef struct { guint64 state; } DemoRandom;
guint64 demo_next(DemoRandom *random);
int demo_below(DemoRandom *random, int limit);            /* 0 … limit-1 */
int demo_between(DemoRandom *random, int low, int high);  /* both inclusive */
gboolean demo_chance(DemoRandom *random, int percent);

/* demo/words.yaml with what is drawn from it. */
typedef struct DemoWords DemoWords;
DemoWords *demo_words_load(GError **error);
void demo_words_free(DemoWords *words);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DemoWords, demo_words_free)
json_t *demo_words_get(const DemoWords *words, const char *list); /* borrowed */
const char *demo_word(const DemoWords *words, DemoRandom *random, const char *list);
char *demo_person(const DemoWords *words, DemoRandom *random, int sex); /* 0 male, 1 female, else either */
char *demo_fill(const DemoWords *words, DemoRandom *random, const char *pattern, int year, const char *topic);

/* ---- demo-register.c ---- */
typedef struct { /* what a row's patterns are filled from */
  const DemoWords *words;
  DemoRandom random;
  const char *fonds;
  int year, serial;
  json_t *values; /* header → value of this row */
} DemoRow;
char *demo_row_fill(DemoRow *row, const char *pattern);
void demo_row_columns(DemoRow *row, json_t *columns); /* [[header, pattern], …] into values */

/* What a document shows. */
typedef enum { DEMO_PAPER, DEMO_MARRIAGE, DEMO_YOUTH, DEMO_RETIREE, DEMO_LAND, DEMO_PHOTO } DemoKind;
typedef enum { DEMO_IMAGES, DEMO_PDF, DEMO_TEXT, DEMO_OFD, DEMO_BITMAP, DEMO_SOUND } DemoForm;
typedef struct {
  DemoKind kind;
  DemoForm form;
  char *code, *title, *creator, *docno, *date, *number; /* number: 页数 as text */
  GPtrArray *lines;  /* paragraphs, or "标签\t值" lines of a form */
  char *folder;      /* where its files go */
  guint64 seed;
} DemoDocument;
void demo_document_free(DemoDocument *document);

/* One delivery: its table on disk, where its documents go, what is declared. */
typedef struct {
  char *name, *path, *files, *fonds, *fonds_title, *category, *body;
  int rows;
  GPtrArray *documents; /* DemoDocument* */
} DemoDelivery;
void demo_delivery_free(DemoDelivery *delivery);
/* scale: thousandths of the full size (1000 = 304 000 rows, 2 000 documents). */
GPtrArray *demo_deliveries(const DemoWords *words, const char *folder, int scale, GError **error); /* DemoDelivery*, tables written */

/* One small delivery of the last years. */
typedef enum { DEMO_PAPERS, DEMO_PHOTOS, DEMO_RECORDINGS, DEMO_PERSONS } DemoWhat;
typedef struct {
  const char *fonds, *fonds_title, *category, *name;
  DemoWhat what;
  DemoForm form;
  int year, count;
  const char *topic; /* NULL: as the body has them */
  int missing;       /* the document with this number is not there; 0: all are */
  gboolean short_lived; /* papers kept for ten years */
} DemoRecent;
DemoDelivery *demo_recent(const DemoWords *words, const char *folder, guint64 seed, const DemoRecent *recent, GError **error);

int demo_document_pages(const DemoDocument *document);
gboolean demo_document_draw(const DemoDocument *document, GError **error);
gboolean demo_ofd_write(const DemoDocument *document, GError **error);
gboolean demo_sound_write(const DemoDocument *document, GError **error);
gboolean demo_bitmap_write(const char *path, const guint8 *rgb, int width, int height, int dots_per_inch, GError **error);

/* ---- demo-life.c ---- */
#define DEMO_BODY "临江市民政局" /* of the transferring body's account */
GPtrArray *demo_life_deliveries(const DemoWords *words, const char *folder, GError **error); /* DemoDelivery*, in the order of the plan; tables written */
/* Packages of those that come as packages, written by an archive of their own below folder, which is closed again. */
gboolean demo_life_package(GPtrArray *deliveries, const char *folder, GError **error);
gboolean demo_life_fill(const House *house, GPtrArray *deliveries, const char *folder, GError **error);
gboolean demo_life_topic(const House *house, const char *topic, GError **error); /* the collecting project names it; filled by the server's jobs */
/* demo-names.c: authorities, topics, histories of fonds; after everything has arrived. */
gboolean demo_names_fill(const House *house, GError **error);
gboolean demo_ledgers_fill(const House *house, GError **error); /* demo-ledger.c: the files of demo/ledgers, each wholly or not at all */
gboolean demo_schedules(const House *house, GError **error); /* demo-schedule.c */
