/*
 * Inside the room: figures and panels as forms (ledger/design.h), and back.
 *
 * A figure's form says the aggregate by one word (`kind`) and what it needs beside it; one that no word says (events, sums over records) stays as it is, for the YAML.
 */
#pragma once
#include "internal.h"

json_t *figure_form_tree(json_t *figure);             /* new */
json_t *figure_form_apply(json_t *base, json_t *tree); /* base: the definition that the form was made from. New */
char *figure_form_act(json_t *tree, const char *act);  /* as design_act */
json_t *figure_form_model(json_t *tree, const char *focus, Asker asker); /* new */
char *figure_form_yaml(json_t *figure);                /* keys as people write them. New */
const char *figure_form_word(const char *where);       /* of a fault's place, as the form calls it; NULL: it has none */

json_t *panel_form_tree(json_t *panel);
json_t *panel_form_apply(json_t *base, json_t *tree);
char *panel_form_yaml(json_t *panel);
char *panel_form_act(json_t *tree, const char *act);
json_t *panel_form_model(json_t *tree, const char *focus, Asker asker);
char *panel_form_place(json_t *panel, const char *where, char **ret_anchor); /* 图 3（历年） and the id of its row; NULL: none. Both new */
