/* The program: commands and wiring. No rule of the trade here. */
#pragma once
#include "accession.h"
#include "authority.h"
#include "check.h"
#include "exchange.h"
#include "figure.h"
#include "house.h"
#include "keep.h"
#include "ledger.h"
#include "quality.h"
#include "reader.h"
#include "revise.h"
#include "schedule.h"

int app_main(int argc, char **argv); /* exit status: 0 success, 1 failure, 2 wrong use */

/* ---- an opened archive (house.c) ---- */
typedef enum {
  ARCHIVE_READ,  /* beside a running server: nothing is written */
  ARCHIVE_WRITE, /* the only process that writes: takes the lock of the directory */
} ArchiveMode;
typedef struct Archive Archive;
/* A damaged index does not hold up the opening: who opens has CARE_TICKS running, which heals it while questions are answered from the records. */
void archive_heal_later(void);
/* An archive that is being rebuilt takes its ledgers from its events, not from the files. */
void archive_define_later(gboolean later);
Archive *archive_open(const char *dir, ArchiveMode mode, GError **error); /* not an archive, in use, newer, damaged: each has its message */
void archive_close(Archive *archive);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Archive, archive_close)
const House *archive_house(const Archive *archive);
struct Journal *archive_journal(const Archive *archive);
/* Makes an empty archive: directory, lantai.yaml, definitions/, database, store. CONFLICT when there is one. */
gboolean archive_create(const char *dir, GError **error);
gboolean archive_exists(const char *dir);

/* ---- the command line (command.c) ---- */
typedef struct {
  const char *dir; /* -C */
  gboolean json;   /* --json */
  int count;       /* arguments left after options */
  char **arguments;
} CommandLine;
typedef struct {
  const char *name, *arguments, *summary; /* Chinese, for --help */
  const GOptionEntry *(*options)(void);   /* NULL: none of its own */
  int minimum, maximum;                   /* arguments */
  gboolean (*run)(const CommandLine *line, GError **error);
} Command;
extern const Command REPORT_COMMANDS[], ARCHIVE_COMMANDS[], IMPORT_COMMANDS[], QUERY_COMMANDS[], CARE_COMMANDS[], USER_COMMANDS[], SERVE_COMMANDS[], DEMO_COMMANDS[],
  RECEIVE_COMMANDS[], PROOF_COMMANDS[], COPY_COMMANDS[], PATROL_COMMANDS[], EXPORT_COMMANDS[], IDENTIFY_COMMANDS[], LEDGER_COMMANDS[];
void command_print(const CommandLine *line, json_t *value, const char *text, ...) G_GNUC_PRINTF(3, 4); /* the JSON with --json (takes it), else the text */

/* With whose eyes: everything (as NULL), or what that account may see; *ret_person (NULL before) is the caller's. In ledger.c. */
gboolean command_asker(const House *house, const char *as, Person **ret_person, Asker *ret, GError **error);

/* ---- care of the holdings (check.c, backup.c, rebuild.c): each as command, job and page ---- */
typedef void (*CareProgress)(gint64 done, gint64 total, const char *unit, gpointer data);
typedef gboolean (*CareStopped)(gpointer data); /* of the same data */
/* {objects, files, bytes, unfinished, fault_count, faults: [{object, file, kind, kind_label, record, detail}] (10 000 at most), database, index}: kind as
 * content_fault_name, or "unrecorded"; unfinished: objects that a crash left in the making or in removal, which the next start settles. */
json_t *care_check(const House *house, CareProgress progress, gpointer data, GError **error);
/* Writes one tar file with the database's snapshot, the store, the journal, deliveries, definitions and settings, and MANIFEST.json (sizes, SM3). */
json_t *care_backup(const House *house, const char *path, CareProgress progress, gpointer data, GError **error);
/* Restores into an empty dir, verifying every byte against the manifest and the catalogue's digest against the one at backup time. */
json_t *care_restore(const char *path, const char *dir, GError **error);
/* A restored or rebuilt archive is made aside (DIR.unproven) and takes its name only when it is proven; what failed stays there to be looked at. */
char *care_aside(const char *dir, GError **error);
json_t *care_put_in_place(const char *aside, const char *dir, json_t *result, GError **error); /* result NULL: it failed; gives the result back */
/* A new archive from the store and the journal of `from`; {events, records, files, equal: true|false|null (no old database to compare), differences}. */
json_t *care_rebuild(const char *from, const char *dir, gboolean show_progress, GError **error);
/* SM3 over every row of the catalogue in order: {record, file, page_text: {rows, sm3}}. Two archives with the same are equal. */
json_t *care_digest(SqlDb *db, GError **error);
gboolean care_reindex(const House *house, CareProgress progress, CareStopped stopped, gpointer data, GError **error); /* both may be NULL; CONFLICT: stopped */

extern const JobKind CARE_JOBS[];
extern const WebRoute APP_ROUTES[];
extern const WebHooks APP_HOOKS;
JobKind *app_job_kinds(void); /* all rooms' kinds in one array, ended by kind NULL; g_free */
gboolean feed_replay(Sql *sql, json_t *event, GError **error); /* ledger.follow */
gboolean feed_resume(const House *house, GError **error); /* after a rebuild: what was fed before is not fed again over what people corrected */
const char *feed_fields(const char *name, char **ret_all); /* as LedgerFeedFields */
void feed_follow(const House *house); /* ledgers that the program fills take what the journal tells since they last looked (feed.c) */
void tree_remove(const char *path); /* with all that is in it; links are not followed */
/* The subjects that the next events tell of whose action begins with `actions`, once each; kind NULL: the events themselves, or those that their data name as `event`.
 * *ret_last: the newest event that was looked at (1 000 at most). gint64s. */
GArray *feed_told(Sql *sql, const char *actions, const char *kind, gint64 after, gint64 *ret_last, GError **error);
extern const JobTick FEED_TICKS[], DOSSIER_TICKS[]; /* entries of ledgers that become records (dossier.c) */
extern const JobKind DOSSIER_JOBS[];
extern const WebRoute DOSSIER_ROUTES[];
extern const JobTick CARE_TICKS[]; /* the index: healed, compared with the records */
extern const JobTick *const APP_TICKS[];
const WebRoute *const *app_routes(void);
