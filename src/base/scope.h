/*
 * The gate's small form: what the asker may see, made by people/, taken by every read. There is no read without one.
 */
#pragma once
#include <glib.h>
#include <jansson.h>

typedef enum { OPENING_UNREVIEWED, OPENING_OPEN, OPENING_CONTROLLED, OPENING_DEFERRED } Opening;              /* 未审核 开放 控制 延期开放 (DA/T 18) */
typedef enum { SECURITY_PUBLIC, SECURITY_INTERNAL, SECURITY_SECRET, SECURITY_CONFIDENTIAL, SECURITY_TOP } Security; /* 公开 内部 秘密 机密 绝密 */
typedef enum { LEVEL_FONDS = 1, LEVEL_CLASS, LEVEL_VOLUME, LEVEL_ITEM } Level;                                 /* 全宗 类别 案卷 文件 */

typedef struct {
  guint opening_mask;   /* bit (1 << Opening) set: such records may be seen; 0: nothing at all */
  guint files_mask;     /* the same for their files, pages, thumbnails, page text and text search; subset of opening_mask */
  Security security;    /* highest level that may be seen */
  gboolean all_fonds;   /* else only the ids in fonds[] */
  gsize fonds_count;
  const gint64 *fonds;  /* record ids of fonds, ascending */
} Scope;

extern const Scope SCOPE_NOTHING;    /* nobody sees anything */
extern const Scope SCOPE_EVERYTHING; /* for the program's own work (rebuild, check, import), never for a request */

/* Whether fields that a category keeps from those who see open records only (public: false: numbers of identity papers and the like) may be seen and searched. */
gboolean scope_admits_closed_fields(const Scope *scope);
/* The one rule. Fonds and class nodes are described by the finding aid, not by records: they are admitted by fonds alone, when opening_mask != 0. */
gboolean scope_admits(const Scope *scope, Level level, gint64 fonds_id, Security security, Opening opening);
gboolean scope_admits_files(const Scope *scope, gint64 fonds_id, Security security, Opening opening);
const char *opening_label(Opening opening);   /* 未审核 开放 控制 延期开放 */
const char *security_label(Security security);
const char *level_label(Level level);         /* 全宗 类别 案卷 文件 */
/* From what bodies write (开放, 公开开放, 划控, 控制使用, 是/否, K, F, 0/1 …, 空→未审核); FALSE if not understood. */
gboolean opening_parse(const char *text, Opening *ret);
gboolean security_parse(const char *text, Security *ret); /* 公开 无 空→PUBLIC, 内部 国内 限制, 秘密 机密 绝密, with or without ★年限 */
/* A scope as JSON and back, for a job that goes on with what its asker might see. */
json_t *scope_json(const Scope *scope);
Scope *scope_from_json(json_t *json);
void scope_free(Scope *scope); /* one of scope_from_json */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scope, scope_free)
