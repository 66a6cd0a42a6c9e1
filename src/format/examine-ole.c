/*
 * OLE compound files (MS-CFB): Word, Excel, PowerPoint 97–2003, WPS, Outlook messages, and Office documents encrypted as a whole. The allocation table and
 * the directory are read within bounds; of the streams only the first bytes, where encryption is told (MS-DOC FibBase, MS-XLS FilePass, MS-PPT CurrentUserAtom).
 */
#include "examine.h"
#include <string.h>

enum { SECTORS_MAX = 1 << 24, ENTRIES_MAX = 65536, ENTRY = 128, NAME_MAX_LETTERS = 31, MINI = 64 };
enum { SECTOR_END = 0xfffffffau }; /* from here on: free, end, tables */

typedef struct {
  const ExamineFile *file;
  guint shift;
  guint mini_cutoff;
  guint32 directory, mini_start;
  guint32 *table; /* which sector follows which */
  guint sectors;
} Ole;
typedef struct {
  char name[NAME_MAX_LETTERS + 1];
  guint8 type;
  guint32 start;
  guint64 size;
} OleEntry;

static guint32 word_at(const guint8 *bytes) { return bytes[0] | (guint32)bytes[1] << 8 | (guint32)bytes[2] << 16 | (guint32)bytes[3] << 24; }
static guint64 place_of(const Ole *ole, guint32 sector) { return ((guint64)sector + 1) << ole->shift; }
static guint32 next_of(const Ole *ole, guint32 sector) { return sector < ole->sectors ? ole->table[sector] : SECTOR_END; }

/* One sector of the allocation table into its place. */
static gboolean load_table_sector(Ole *ole, guint index, guint32 sector) {
  guint8 bytes[4096];
  guint each = 1u << (ole->shift - 2);
  if (sector >= SECTOR_END) return TRUE;
  if (!examine_read(ole->file, place_of(ole, sector), bytes, (gsize)1 << ole->shift)) return FALSE;
  for (guint i = 0; i < each && index * each + i < ole->sectors; i++) ole->table[index * each + i] = word_at(bytes + 4 * i);
  return TRUE;
}

/* The table's own sectors: 109 in the header, more in a chain of further sectors. */
static gboolean load_table(Ole *ole, const guint8 *head) {
  guint8 bytes[4096];
  guint each = 1u << (ole->shift - 2), index = 0, wanted = (ole->sectors + each - 1) / each;
  for (; index < 109 && index < wanted; index++)
    if (!load_table_sector(ole, index, word_at(head + 76 + 4 * index))) return FALSE;
  guint32 further = word_at(head + 68);
  for (guint steps = 0; index < wanted && further < SECTOR_END && steps < wanted; steps++) {
    if (!examine_read(ole->file, place_of(ole, further), bytes, (gsize)1 << ole->shift)) return FALSE;
    for (guint i = 0; i + 1 < each && index < wanted; i++, index++)
      if (!load_table_sector(ole, index, word_at(bytes + 4 * i))) return FALSE;
    further = word_at(bytes + 4 * (each - 1));
  }
  return TRUE;
}

static gboolean open_ole(Ole *ole, const ExamineFile *file, json_t *facts) {
  guint8 head[512];
  *ole = (Ole){.file = file};
  if (!examine_read(file, 0, head, sizeof head)) return examine_problem(facts, "文件头不完整，文件可能被截断"), FALSE;
  ole->shift = head[30] | (guint)head[31] << 8;
  if (ole->shift != 9 && ole->shift != 12) return examine_problem(facts, "复合文档的扇区大小不对，文件损坏"), FALSE;
  guint64 sectors = file->size >> ole->shift;
  if (sectors > SECTORS_MAX) return examine_unknown(facts, "opens", "复合文档超过 8 GiB，没有检查"), FALSE;
  ole->sectors = (guint)sectors;
  ole->directory = word_at(head + 48);
  ole->mini_cutoff = word_at(head + 56);
  ole->table = g_new(guint32, ole->sectors + 1);
  memset(ole->table, 0xff, (ole->sectors + 1) * sizeof *ole->table);
  if (!load_table(ole, head)) return examine_problem(facts, "扇区表不完整，文件可能被截断"), FALSE;
  return TRUE;
}

static OleEntry entry_of(const Ole *ole, const guint8 *bytes) {
  OleEntry entry = {.type = bytes[66], .start = word_at(bytes + 116), .size = word_at(bytes + 120)};
  if (ole->shift == 12) entry.size |= (guint64)word_at(bytes + 124) << 32;
  for (guint i = 0; i < NAME_MAX_LETTERS && (bytes[2 * i] != 0 || bytes[2 * i + 1] != 0); i++)
    entry.name[i] = bytes[2 * i + 1] == 0 && bytes[2 * i] < 0x80 ? (char)bytes[2 * i] : '?';
  return entry;
}

/* Every directory entry; FALSE when the directory is not all there. */
static gboolean walk_directory(Ole *ole, void (*visit)(Ole *ole, const OleEntry *entry, gpointer data), gpointer data) {
  guint8 bytes[ENTRY];
  guint each = (1u << ole->shift) / ENTRY, count = 0;
  for (guint32 sector = ole->directory; sector < SECTOR_END && count < ENTRIES_MAX; sector = next_of(ole, sector)) {
    for (guint i = 0; i < each; i++, count++) {
      if (!examine_read(ole->file, place_of(ole, sector) + i * ENTRY, bytes, ENTRY)) return FALSE;
      OleEntry entry = entry_of(ole, bytes);
      if (entry.type == 5) ole->mini_start = entry.start;
      if (entry.type == 2) visit(ole, &entry, data);
    }
  }
  return count > 0;
}

/* A big stream's sectors all lie in the file, and are as many as its size says. */
static gboolean is_whole(const Ole *ole, const OleEntry *entry) {
  if (entry->size < ole->mini_cutoff || entry->size == 0) return TRUE;
  guint64 wanted = (entry->size + (1u << ole->shift) - 1) >> ole->shift, got = 0;
  guint32 sector = entry->start;
  if (wanted > ole->sectors) return FALSE;
  for (; got < wanted && sector < SECTOR_END; got++, sector = next_of(ole, sector)) {
    guint64 left = entry->size - (got << ole->shift);
    if (place_of(ole, sector) + MIN(left, (guint64)1 << ole->shift) > ole->file->size) return FALSE;
  }
  return got == wanted;
}

/* The first bytes of a stream; small ones lie in 64-byte pieces of the root's stream, whose first bytes are near its beginning in practice. */
static gboolean read_start(const Ole *ole, const OleEntry *entry, guint8 *bytes, gsize length) {
  if (entry->size < length) return FALSE;
  if (entry->size >= ole->mini_cutoff) return examine_read(ole->file, place_of(ole, entry->start), bytes, length);
  guint64 at = (guint64)entry->start * MINI;
  guint32 sector = ole->mini_start;
  for (; at >= (1u << ole->shift) && sector < SECTOR_END; at -= 1u << ole->shift) sector = next_of(ole, sector);
  return sector < SECTOR_END && examine_read(ole->file, place_of(ole, sector) + at, bytes, length);
}

/* ---- what the streams say ---- */

typedef struct {
  json_t *facts;
  gboolean found; /* a main stream */
  gboolean encrypted, scripts;
  gboolean broken;
} OleFindings;

/* BIFF records from the start: a FilePass comes right behind the BOF, after at most a few others. */
static gboolean has_filepass(const Ole *ole, const OleEntry *entry) {
  guint8 bytes[512];
  gsize length = MIN(entry->size, sizeof bytes);
  if (!read_start(ole, entry, bytes, length)) return FALSE;
  for (gsize at = 0; at + 4 <= length;) {
    guint type = bytes[at] | (guint)bytes[at + 1] << 8;
    if (type == 0x2f) return TRUE;
    at += 4 + (bytes[at + 2] | (gsize)bytes[at + 3] << 8);
  }
  return FALSE;
}

static void visit(Ole *ole, const OleEntry *entry, gpointer data) {
  OleFindings *findings = data;
  guint8 start[16];
  gboolean word = strcmp(entry->name, "WordDocument") == 0, sheet = strcmp(entry->name, "Workbook") == 0 || strcmp(entry->name, "Book") == 0;
  gboolean slides = strcmp(entry->name, "PowerPoint Document") == 0, package = strcmp(entry->name, "EncryptedPackage") == 0;
  if (!is_whole(ole, entry)) findings->broken = TRUE;
  if (word && read_start(ole, entry, start, sizeof start)) findings->encrypted |= (start[11] & 1) != 0;
  if (sheet) findings->encrypted |= has_filepass(ole, entry);
  if (strcmp(entry->name, "Current User") == 0 && read_start(ole, entry, start, sizeof start)) findings->encrypted |= word_at(start + 12) == 0xf3d1c4dfu;
  if (package) findings->encrypted = TRUE;
  if (strcmp(entry->name, "_VBA_PROJECT") == 0) findings->scripts = TRUE;
  findings->found |= word || sheet || slides || package || strcmp(entry->name, "__properties_version1.0") == 0;
}

void examine_ole(const ExamineFile *file, json_t *facts) {
  Ole ole;
  OleFindings findings = {.facts = facts};
  if (open_ole(&ole, file, facts)) {
    gboolean walked = walk_directory(&ole, visit, &findings);
    json_object_set_new(facts, "encrypted", json_boolean(findings.encrypted));
    json_object_set_new(facts, "external", json_boolean(findings.scripts));
    if (!walked) examine_problem(facts, "目录不在文件内，文件可能被截断");
    else if (findings.broken) examine_problem(facts, "有内容不在文件内，文件可能被截断");
    else if (findings.encrypted) examine_problem(facts, "已加密，需要密码才能打开");
    else if (findings.found) json_object_set_new(facts, "opens", json_true());
    else examine_unknown(facts, "opens", "是复合文档，但其中没有认识的内容");
  }
  g_free(ole.table);
}
