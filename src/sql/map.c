/*
 * Pages of a database file where they lie in memory. SQLite's own mapping ends at 2 GiB, each connection makes one for itself, and whenever somebody has written each
 * reader takes his down to make it again. Here a file is mapped once for the process and stays so, by a VFS that hands out pages its own way and leaves all else to
 * the system's (https://www.sqlite.org/mmap.html, https://www.sqlite.org/c3ref/io_methods.html). Who writes reads and writes by the file, as always.
 *
 * 1. Windows reach beyond the end of the file. What is handed out lies before the end as it was after the last change that SQLite told of (xUnfetch without a page).
 * 2. To close any descriptor of a file drops the locks of the process on it (fcntl): ours is closed when nobody here has the file open.
 */
#include "map.h"
#include <fcntl.h>
#include <glib.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW_BITS = 26, WINDOWS = 1 << 14 /* 1 TiB; pages behind it are read by the file */, ALIGNED = 16, VERSION = 3,
  BEYOND = 256 /* bytes behind a page that are mapped, too: SQLite may read on where a page is damaged */ };

typedef struct {
  dev_t device;
  ino_t inode;
  int fd;                    /* -1: it cannot be mapped */
  guint opened;              /* files of SQLite; under maps_lock */
  gint64 size;               /* atomic; 0: to be measured */
  guint8 *windows[WINDOWS];  /* atomic; NULL: not mapped yet */
} Map;

typedef struct { /* behind the system's file */
  sqlite3_io_methods methods;
  const sqlite3_io_methods *system;
  Map *map;
} Mapped;

static GMutex maps_lock;
static GList *maps;
static sqlite3_vfs *parent;

static gsize system_bytes(void) { return ((gsize)parent->szOsFile + ALIGNED - 1) / ALIGNED * ALIGNED; }
static Mapped *mapped_of(sqlite3_file *file) { return (Mapped *)(void *)((char *)file + system_bytes()); }

/* What cannot be mapped is counted as well: its locks are the process's, too. A descriptor of another file, put there this moment, stays open: who knows its locks. */
static Map *map_open(const char *path, const struct stat *is) {
  struct stat opened;
  Map *map = g_new0(Map, 1);
  map->device = is->st_dev;
  map->inode = is->st_ino;
  map->fd = open(path, O_RDONLY | O_CLOEXEC);
  if (map->fd >= 0 && (fstat(map->fd, &opened) != 0 || opened.st_dev != is->st_dev || opened.st_ino != is->st_ino)) map->fd = -1;
  if (map->fd < 0) g_warning("%s cannot be mapped; it is read by the file, more slowly", path);
  maps = g_list_prepend(maps, map);
  return map;
}

/* NULL: there is no such file any more. */
static Map *map_enter(const char *path) {
  struct stat is;
  if (stat(path, &is) != 0) return NULL;
  g_mutex_lock(&maps_lock);
  GList *link = maps;
  while (link && (((Map *)link->data)->device != is.st_dev || ((Map *)link->data)->inode != is.st_ino)) link = link->next;
  Map *map = link ? link->data : map_open(path, &is);
  map->opened++;
  g_mutex_unlock(&maps_lock);
  return map;
}

static void map_leave(Map *map) {
  g_mutex_lock(&maps_lock);
  if (--map->opened == 0) {
    maps = g_list_remove(maps, map);
    for (guint i = 0; i < WINDOWS; i++)
      if (map->windows[i]) munmap(map->windows[i], (gsize)1 << WINDOW_BITS);
    if (map->fd >= 0) close(map->fd);
    g_free(map);
  }
  g_mutex_unlock(&maps_lock);
}

static guint8 *window_of(Map *map, gsize number) {
  guint8 *window = g_atomic_pointer_get(&map->windows[number]);
  if (window) return window;
  window = mmap(NULL, (gsize)1 << WINDOW_BITS, PROT_READ, MAP_SHARED, map->fd, (off_t)(number << WINDOW_BITS));
  if (window == MAP_FAILED) return NULL;
  if (g_atomic_pointer_compare_and_exchange(&map->windows[number], NULL, window)) return window;
  munmap(window, (gsize)1 << WINDOW_BITS);
  return g_atomic_pointer_get(&map->windows[number]);
}

/* Whether the file is so long, measured anew where it was not. */
static gboolean reaches(Map *map, gint64 end) {
  struct stat is;
  if (end <= __atomic_load_n(&map->size, __ATOMIC_ACQUIRE)) return TRUE;
  if (map->fd < 0 || fstat(map->fd, &is) != 0) return FALSE;
  __atomic_store_n(&map->size, (gint64)is.st_size, __ATOMIC_RELEASE);
  return end <= is.st_size;
}

/* ---- what SQLite calls ---- */

static int fetch(sqlite3_file *file, sqlite3_int64 offset, int amount, void **ret) {
  Map *map = mapped_of(file)->map;
  sqlite3_int64 end = offset + amount + BEYOND;
  gsize number = (gsize)offset >> WINDOW_BITS, last = (gsize)(end - 1) >> WINDOW_BITS;
  *ret = NULL; /* the page is then read by the file */
  guint8 *window = number == last && number < WINDOWS && reaches(map, end) ? window_of(map, number) : NULL;
  if (window) *ret = window + (offset & ((1 << WINDOW_BITS) - 1));
  return SQLITE_OK;
}

static int unfetch(sqlite3_file *file, sqlite3_int64 offset, void *page) {
  if (page == NULL) __atomic_store_n(&mapped_of(file)->map->size, 0, __ATOMIC_RELEASE);
  return SQLITE_OK;
}

/* The system's file is not to map as well. */
static int control(sqlite3_file *file, int what, void *argument) {
  return what == SQLITE_FCNTL_MMAP_SIZE ? SQLITE_OK : mapped_of(file)->system->xFileControl(file, what, argument);
}

static int close_mapped(sqlite3_file *file) {
  Mapped *mapped = mapped_of(file);
  int code = mapped->system->xClose(file);
  map_leave(mapped->map);
  return code;
}

static int open_mapped(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *ret_flags) {
  int code = parent->xOpen(parent, path, file, flags, ret_flags);
  if (code != SQLITE_OK || path == NULL || !(flags & SQLITE_OPEN_MAIN_DB) || file->pMethods->iVersion < VERSION) return code;
  Map *map = map_enter(path);
  if (map == NULL) return code;
  Mapped *mapped = mapped_of(file);
  *mapped = (Mapped){*file->pMethods, file->pMethods, map};
  mapped->methods.iVersion = VERSION;
  mapped->methods.xFileControl = control;
  mapped->methods.xFetch = fetch;
  mapped->methods.xUnfetch = unfetch;
  mapped->methods.xClose = close_mapped;
  file->pMethods = &mapped->methods;
  return SQLITE_OK;
}

void sql_map_register(void) {
  static sqlite3_vfs vfs;
  parent = sqlite3_vfs_find(NULL);
  vfs = *parent;
  vfs.iVersion = MIN(vfs.iVersion, VERSION);
  vfs.szOsFile = (int)(system_bytes() + sizeof(Mapped));
  vfs.pNext = NULL;
  vfs.zName = "lantai";
  vfs.xOpen = open_mapped;
  sqlite3_vfs_register(&vfs, 1);
}
