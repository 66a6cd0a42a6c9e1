/*
 * A number for each of very many texts, in 16 bytes a slot (20 to 45 a text): the texts are not kept, 96 bits of their SHA-256 stand for them. So it tells
 * whether a text was met and with which number, and cannot list them. A million texts that differ are taken for one another once in 10^17 runs.
 */
#pragma once
#include <glib.h>

typedef struct KeyMap KeyMap;
KeyMap *keymap_new(void);
guint32 keymap_get(const KeyMap *map, const void *key, gsize length); /* 0: not met */
/* The number it has; else it gets this one (never 0) and the result is 0. */
guint32 keymap_add(KeyMap *map, const void *key, gsize length, guint32 number);
void keymap_set(KeyMap *map, const void *key, gsize length, guint32 number); /* this one, whatever it had */
gsize keymap_size(const KeyMap *map);
void keymap_free(KeyMap *map);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KeyMap, keymap_free)
