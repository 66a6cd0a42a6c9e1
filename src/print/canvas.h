/*
 * Pages being drawn from above to below: rows of ruled cells that break between lines when a page ends. Private to this room.
 *
 * 1. A row that fits on a fresh page is never split; one that is higher goes on over as many pages as it needs, line by line. Nothing is cut.
 * 2. Each page is laid out twice the same way: first without drawing, to learn how many pages there are.
 */
#pragma once
#include <glib.h>

#define PRINT_SERIF "Noto Serif CJK SC"
#define PRINT_SANS "Noto Sans CJK SC"

/* A text as it can be printed: no control characters, and none that turn the direction of what stands beside them (print.c). */
char *print_clean(const char *text);

typedef enum { ALIGN_LEFT, ALIGN_CENTER, ALIGN_RIGHT } Align;
typedef struct {
  double x, width;      /* points */
  const char *text;     /* valid and clean */
  Align align;
  gsize bold;           /* the first bytes of text that are bold; G_MAXSIZE: all */
  double size, leading; /* points; line height as a multiple of the font's */
  gboolean ruled, shaded;
} Cell;

typedef struct Canvas Canvas;
Canvas *canvas_new(double width, double height, const char *title, const char *footer);
void canvas_free(Canvas *canvas);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Canvas, canvas_free)
/* pages 0: only counts. Starts the first page; canvas_end gives the number of pages. */
void canvas_begin(Canvas *canvas, guint pages);
guint canvas_end(Canvas *canvas);
GBytes *canvas_bytes(Canvas *canvas, GError **error); /* the PDF, after the last canvas_end; call once */

double canvas_left(const Canvas *canvas);
double canvas_width(const Canvas *canvas);  /* between the margins */
double canvas_room(const Canvas *canvas);   /* what is left of this page */
void canvas_skip(Canvas *canvas, double points);
void canvas_new_page(Canvas *canvas);
/* head: cells repeated on top of each further page, until it is set to NULL; borrowed. */
void canvas_set_head(Canvas *canvas, const Cell *head, guint count);
void canvas_row(Canvas *canvas, const Cell *cells, guint count);
double canvas_row_height(Canvas *canvas, const Cell *cells, guint count);
