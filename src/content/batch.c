/*
 * Versions that become durable and visible together.
 *
 * 1. Order: inventories written → intents committed → flush → rename into place → flush. The caller's transaction then deletes the intents.
 * 2. Inside the transaction of the intents each object is seen to be still at the version its stage was made from; nothing is renamed otherwise.
 * 3. A batch has one end: acknowledged (its transaction was committed) or undone. The caller and the transaction's hook each hold the batch, the later
 *    of them ends it; so it does not matter whether the batch or the transaction is freed first.
 * 4. Undoing touches no database: the intent rows stay until the next opening (store.c, invariant 2), so that freeing is safe inside a transaction.
 */
#include "content-internal.h"

struct ContentBatch {
  Content *content;
  GPtrArray *stages;
  gboolean tried, published, acknowledged;
  guint claimed; /* the first so many stages hold their objects' claims */
};

ContentBatch *content_batch_new(Content *content) {
  ContentBatch *batch = g_atomic_rc_box_new0(ContentBatch);
  batch->content = content;
  batch->stages = g_ptr_array_new_with_free_func((GDestroyNotify)content_stage_free);
  return batch;
}

void content_batch_take(ContentBatch *batch, ContentStage *stage) { g_ptr_array_add(batch->stages, stage); }

/* Takes out of the store what this batch put there, last first; a version that does not let itself be taken out keeps its intent. */
static void undo(ContentBatch *batch) {
  for (guint i = batch->stages->len; i > 0; i--) {
    ContentStage *stage = batch->stages->pdata[i - 1];
    if (!stage->placed) continue;
    g_autoptr(GError) error = NULL;
    if (object_drop_version(batch->content, stage->object_id, stage->version, &error)) stage->placed = FALSE;
    else g_warning("undoing %s version %u: %s", stage->object_id, stage->version, error->message);
  }
  batch->published = FALSE;
}

static void unclaim(ContentBatch *batch) {
  for (; batch->claimed > 0; batch->claimed--) {
    const ContentStage *stage = batch->stages->pdata[batch->claimed - 1];
    content_unclaim(batch->content, stage->object_id);
  }
}

static void end_batch(gpointer data) {
  ContentBatch *batch = data;
  if (!batch->acknowledged) undo(batch);
  unclaim(batch);
  g_ptr_array_unref(batch->stages);
}

static void release(gpointer data) { g_atomic_rc_box_release_full(data, end_batch); }

void content_batch_free(ContentBatch *batch) {
  if (batch != NULL) release(batch);
}

static gboolean claim_all(ContentBatch *batch, GError **error) {
  for (; batch->claimed < batch->stages->len; batch->claimed++) {
    const ContentStage *stage = batch->stages->pdata[batch->claimed];
    if (!content_claim(batch->content, stage->object_id, error)) return FALSE;
  }
  return TRUE;
}

static gboolean prepare_all(ContentBatch *batch, GError **error) {
  for (guint i = 0; i < batch->stages->len; i++)
    if (!stage_prepare(batch->stages->pdata[i], error)) return FALSE;
  return pass_point("content.publish.prepared", error);
}

/* Invariant 2: the object is as the stage found it. */
static gboolean check_base(const ContentStage *stage, GError **error) {
  guint head = 0;
  gboolean same = TRUE;
  if (stage->base != NULL || content_exists(stage->content, stage->object_id)) {
    g_autoptr(Inventory) inventory = object_load(stage->content, stage->object_id, error);
    if (inventory == NULL) return FALSE;
    head = inventory->head;
    same = stage->base != NULL && json_equal(inventory->document, stage->base->document); /* not undone and written anew meanwhile */
  }
  if (same && head + 1 == stage->version) return TRUE;
  return throw(error, LANTAI_ERROR_CONFLICT, "对象 %s 在准备期间已被改动(现为 v%u),请重新操作", stage->object_id, head);
}

static gboolean intend_all(ContentBatch *batch, GError **error) {
  g_autoptr(Sql) sql = sql_write(batch->content->db, error);
  if (sql == NULL) return FALSE;
  for (guint i = 0; i < batch->stages->len; i++) {
    const ContentStage *stage = batch->stages->pdata[i];
    if (!check_base(stage, error) || !content_intend(sql, stage->object_id, stage->version, error)) return FALSE;
  }
  return sql_commit(sql, error) && pass_point("content.publish.intended", error);
}

static gboolean flush(ContentBatch *batch, const char *point, GError **error) {
  guint failures = G_MAXUINT;
  for (guint i = 0; i < batch->stages->len; i++) failures = MIN(failures, ((const ContentStage *)batch->stages->pdata[i])->flush_failures);
  return content_flush(batch->content, failures, error) && pass_point(point, error);
}

static gboolean place_all(ContentBatch *batch, GError **error) {
  for (guint i = 0; i < batch->stages->len; i++)
    if (!stage_place(batch->stages->pdata[i], error) || !pass_point("content.publish.renamed", error)) return FALSE;
  return TRUE;
}

gboolean content_batch_publish(ContentBatch *batch, GError **error) {
  if (batch->tried) return throw(error, LANTAI_ERROR_CONFLICT, "这一批对象已经写入过,不能重复写入");
  batch->tried = TRUE;
  if (batch->stages->len == 0) {
    batch->published = TRUE;
    return TRUE;
  }
  batch->published = claim_all(batch, error) && prepare_all(batch, error) && intend_all(batch, error) && flush(batch, "content.publish.flushed", error) &&
                     place_all(batch, error) && flush(batch, "content.publish.durable", error);
  if (batch->published) return TRUE;
  undo(batch);
  unclaim(batch);
  return FALSE;
}

static void mark_acknowledged(gpointer data) {
  ContentBatch *batch = data;
  batch->acknowledged = TRUE;
  unclaim(batch);
}

gboolean content_batch_acknowledge(ContentBatch *batch, Sql *sql, GError **error) {
  if (!batch->published) return throw(error, LANTAI_ERROR_CONFLICT, "这一批对象尚未写入对象库,不能登记");
  for (guint i = 0; i < batch->stages->len; i++) {
    const ContentStage *stage = batch->stages->pdata[i];
    if (!sql_exec(sql, "DELETE FROM content_intent WHERE object_id = $1 AND version = $2",
                  SQL_ARGS(sql_text(stage->object_id), sql_int(stage->version)), error) ||
        !content_log_put(sql, stage->object_id, stage->version, stage->inventory_sha512, FALSE, error))
      return FALSE;
  }
  if (!pass_point("content.acknowledge", error)) return FALSE;
  sql_on_commit(sql, mark_acknowledged, g_atomic_rc_box_acquire(batch), release);
  return TRUE;
}
