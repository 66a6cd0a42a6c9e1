/* Which elements to close and open between two records of a row. Ancestors that are not in the row themselves are opened for the records below them. */
#include "internal.h"

TreeStep tree_step(Tree *tree, const ExportItem *item) {
  guint count = MIN(item->path_length, G_N_ELEMENTS(tree->open) - 1), same = 0;
  while (same < count && same < tree->depth && tree->open[same] == item->path[same]->id) same++;
  TreeStep step = {tree->depth - same, same};
  for (guint i = same; i < count; i++) tree->open[i] = item->path[i]->id;
  tree->open[count] = item->record->id;
  tree->depth = count + 1;
  return step;
}
