/* Charts as pictures, drawn from the table that stands beside them. Private to this room. */
#pragma once
#include <jansson.h>

typedef struct _cairo cairo_t; /* of cairo.h */

double chart_draw_height(json_t *chart, double width); /* points; 0: this kind stands as a table only */
void chart_draw(cairo_t *cairo, json_t *chart, double x, double y, double width);
