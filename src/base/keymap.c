/*
 * An open table of digests (keymap.h).
 *
 * 1. A slot whose number is 0 is free; nothing is ever taken out.
 * 2. At most four slots of five are used; a fuller table is made anew at twice the size.
 */
#include "keymap.h"
#include <string.h>

enum { SLOTS_FIRST = 1024 };

typedef struct { guint64 a; guint32 b, number; } Slot;

struct KeyMap {
  Slot *slots;
  gsize count, used; /* count: a power of two */
};

KeyMap *keymap_new(void) {
  KeyMap *map = g_new0(KeyMap, 1);
  *map = (KeyMap){g_new0(Slot, SLOTS_FIRST), SLOTS_FIRST, 0};
  return map;
}

void keymap_free(KeyMap *map) {
  if (map) g_free(map->slots);
  g_free(map);
}

gsize keymap_size(const KeyMap *map) { return map->used; }

static Slot digest_of(const void *key, gsize length) {
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  guint8 digest[32];
  gsize size = sizeof digest;
  Slot slot = {0};
  g_checksum_update(sum, key, (gssize)length);
  g_checksum_get_digest(sum, digest, &size);
  memcpy(&slot.a, digest, sizeof slot.a);
  memcpy(&slot.b, digest + sizeof slot.a, sizeof slot.b);
  return slot;
}

/* The slot that has it, else the free one where it belongs. */
static Slot *slot_of(const KeyMap *map, const Slot *digest) {
  gsize at = digest->a & (map->count - 1);
  while (map->slots[at].number && (map->slots[at].a != digest->a || map->slots[at].b != digest->b)) at = (at + 1) & (map->count - 1);
  return &map->slots[at];
}

static void grow(KeyMap *map) {
  KeyMap wider = {g_new0(Slot, map->count * 2), map->count * 2, map->used};
  for (gsize i = 0; i < map->count; i++)
    if (map->slots[i].number) *slot_of(&wider, &map->slots[i]) = map->slots[i];
  g_free(map->slots);
  *map = wider;
}

guint32 keymap_get(const KeyMap *map, const void *key, gsize length) {
  Slot digest = digest_of(key, length);
  return slot_of(map, &digest)->number;
}

/* The slot of a key, which gets this number when it is met for the first time. */
static Slot *meet(KeyMap *map, const void *key, gsize length, guint32 number, guint32 *ret_former) {
  g_assert(number != 0);
  if (map->used * 5 >= map->count * 4) grow(map);
  Slot digest = digest_of(key, length), *slot = slot_of(map, &digest);
  *ret_former = slot->number;
  if (slot->number) return slot;
  *slot = (Slot){digest.a, digest.b, number};
  map->used++;
  return slot;
}

guint32 keymap_add(KeyMap *map, const void *key, gsize length, guint32 number) {
  guint32 former;
  meet(map, key, length, number, &former);
  return former;
}

void keymap_set(KeyMap *map, const void *key, gsize length, guint32 number) {
  guint32 former;
  meet(map, key, length, number, &former)->number = number;
}
