/*
 * What the readers of packages share: XML as small trees, a record being gathered, the table being written, the files of the folder.
 */
#pragma once
#include "delivery.h"
#include "package-bag.h"
#include "package.h"

/* ---- package-xml.c: trees of a bounded size; what 编码数据 holds goes to files ---- */
typedef struct XmlNode {
  char *name;
  GString *text;           /* all text directly inside; NULL: none */
  GPtrArray *children;     /* XmlNode; NULL: none */
  struct XmlNode *parent;
  char *data;              /* 编码数据: path of the file it was decoded to */
  gboolean data_bad;       /* …which is not whole Base64 */
} XmlNode;
typedef struct {
  gboolean (*is_unit)(const XmlNode *node);                  /* asked when an element closes; NULL: the whole tree is kept */
  gboolean (*visit)(XmlNode *unit, gpointer data, GError **error); /* then the unit is freed */
  gpointer data;
  const char *extract;     /* folder for 编码数据; NULL: dropped */
} XmlReading;
/* The tree without its units. INVALID: not well-formed, too large. ret_encoding may be NULL. */
XmlNode *xml_tree_read(const char *path, const XmlReading *reading, char **ret_encoding, GError **error);
void xml_node_free(XmlNode *node);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(XmlNode, xml_node_free)
char *xml_node_text(const XmlNode *node);                            /* cleaned; never NULL */
XmlNode *xml_child(const XmlNode *node, const char *name);           /* direct */
XmlNode *xml_find(const XmlNode *node, const char *name);            /* itself or the first below */
gboolean xml_is_leaf(const XmlNode *node);
gboolean xml_root_is(const char *path, const char *name);            /* by its first element */

/* ---- package-record.c ---- */
typedef struct {
  char *name, *wanted;     /* as declared; where it should lie */
  char *data;              /* decoded content; NULL: lies in the package */
  gboolean data_bad, attachment, original;
  gint64 order;
  json_t *declared;        /* as CheckFile.declared */
} RecordFile;
typedef struct {
  json_t *row;             /* label → value, in order */
  GPtrArray *files;        /* RecordFile */
  gboolean exported;       /* by this program: its fields are known exactly */
} PackageRecord;
PackageRecord *package_record_new(void);
void package_record_free(PackageRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PackageRecord, package_record_free)
/* Takes a metadata tree in. What is there already stays; fields that disagree are told as "label\told\tnew". */
void package_record_take(PackageRecord *record, const XmlNode *node, GPtrArray *ret_differences);
void package_record_files(PackageRecord *record, const XmlNode *node, gboolean original); /* its documents, main ones first */
const char *package_record_get(const PackageRecord *record, const char *label);           /* "" none */
void package_record_set(PackageRecord *record, const char *label, const char *value);     /* when there is none yet */
const char *package_label(const char *name); /* our label for a header or element name; NULL: unknown */

/* ---- package-title.c ---- */
char *package_title(const char *path, const char *name);   /* what an OFD or PDF says of itself; NULL: nothing that reads like a title */
char *package_title_sensible(const char *written);

/* ---- package-table.c ---- */
typedef struct PackageTable PackageTable;
PackageTable *package_table_new(const char *work, GError **error);
gboolean package_table_row(PackageTable *table, json_t *row, GError **error);
char *package_table_close(PackageTable *table, GError **error); /* writes package.csv; its path */
guint package_table_rows(const PackageTable *table);
void package_table_free(PackageTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PackageTable, package_table_free)

/* ---- package-files.c: what lies in the folder ---- */
typedef struct { const char *path; gint64 size_bytes; gboolean used; } PackageFile;
typedef struct PackageFiles PackageFiles;
typedef struct Survey Survey;
PackageFiles *package_files_new(Survey *survey, const char *folder); /* links, odd names: told */
void package_files_free(PackageFiles *files);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PackageFiles, package_files_free)
GPtrArray *package_files_all(const PackageFiles *files);                                /* PackageFile in order of their paths; borrowed */
PackageFile *package_files_at(const PackageFiles *files, const char *path);              /* by case and Unicode form too */
PackageFile *package_files_named(const PackageFiles *files, const char *name, gboolean *ret_several); /* the only one of this name anywhere */
char *package_files_folder(const PackageFiles *files, const char *code);                 /* the folder called after a 档号 */
GPtrArray *package_files_under(const PackageFiles *files, const char *folder);           /* PackageFile; new array */

/* ---- package.c ---- */
struct Survey {
  const House *house;
  Job *job;
  const char *work;
  char *root;                  /* the folder whose paths all paths are; becomes `documents` */
  const char *layout;
  json_t *structure, *declared, *own; /* own: paths of the package's own files */
  json_t *fields;              /* of declared */
  json_t *unpacked;            /* what files were called (UNPACKED_NAME); NULL: as they are */
  PackageFiles *files;
  PackageTable *table;
  RowWriter *facts;
  guint fact_count, record_count;
  char *ready_table;           /* a table that lies in the package */
  char *encoding;
  GHashTable *codes;           /* 档号 → number of rows */
  char *fonds, *fonds_title;   /* of all rows; "" several */
  Bag *bag;
  const char *bag_prefix;      /* how the bag calls the root: "data/" or deeper */
};
void survey_tell(Survey *survey, const char *aspect, const char *path, const char *format, ...) G_GNUC_PRINTF(4, 5);
void survey_own(Survey *survey, const char *path);
gboolean survey_record(Survey *survey, PackageRecord *record, GPtrArray *paths, GError **error); /* paths: of its documents, in order; a row */
gboolean survey_fact(Survey *survey, const char *path, const RecordFile *file, GError **error);
void survey_readme_complete(Survey *survey, const char *path); /* tells which required fields are not there */
gboolean survey_readme_text(Survey *survey, const char *path, GError **error);
void survey_declare(Survey *survey, const char *label, const char *value); /* a field of the 说明文件 or bag-info */
char *survey_full(const Survey *survey, const char *path);
gboolean survey_stopped(Survey *survey, GError **error); /* sets the error when the job should stop */

/* ---- package-layout.c, package-eep.c ---- */
gboolean layout_catalogues(Survey *survey, GError **error); /* dat93, 2012, vendor */
gboolean layout_eep(Survey *survey, GError **error);
gboolean package_link(const char *from, const char *to, GError **error); /* a hard link, else a copy */
gboolean path_has_extension(const char *path, const char *const *extensions);
