/* What the template parser (template.c) makes and the renderer (render.c) walks; private to web/. */
#pragma once
#include <glib.h>
#include <jansson.h>

#define TEMPLATE_DEPTH_MAX 32                /* sections within sections, parts within parts */
#define TEMPLATE_OUTPUT_MAX (16u << 20)      /* bytes of one page */
#define TEMPLATE_SOURCE_MAX (1u << 20)

typedef enum { NODE_TEXT, NODE_VALUE, NODE_SECTION, NODE_EMPTY, NODE_PART, NODE_CONTENT } NodeKind;
typedef enum { FILTER_NONE, FILTER_NUMBER, FILTER_DATE, FILTER_TIME, FILTER_SIZE, FILTER_URL, FILTER_JSON, FILTER_PERSON } Filter;

typedef struct {
  NodeKind kind;
  Filter filter;
  gboolean address; /* a value at the beginning of an address attribute: its scheme is checked */
  char *text;       /* literal text, the dotted name, or the part's name */
  gsize length;
  char **path;      /* the dotted name in pieces; empty for {{.}} */
  GPtrArray *children;
} Node;

struct Template {
  char *name;
  char *source;
  Node *root;
};

/* ---- html.c: where in the HTML a tag stands, so that an unsafe place is a parse error ---- */
typedef enum { HTML_TEXT, HTML_TAG, HTML_AFTER_NAME, HTML_DOUBLE, HTML_SINGLE, HTML_BARE, HTML_COMMENT, HTML_RAW } HtmlState;
typedef struct {
  HtmlState state;
  char element[16];   /* name of the tag being read, lower case, cut */
  char attribute[32]; /* name of the attribute being read */
  gboolean started;   /* the attribute's value has literal text already */
  gboolean closing;   /* </… */
} HtmlPlace;

/* Moves over literal text. FALSE when it holds what our pages may not: inline style or event handlers (the browser is told to refuse them). */
gboolean html_advance(HtmlPlace *place, const char *text, gsize length, const char **ret_problem);
gboolean html_takes_value(const HtmlPlace *place);      /* element text or a quoted attribute */
gboolean html_takes_address(const HtmlPlace *place);    /* the beginning of href, src, action … */
gboolean html_same(const HtmlPlace *a, const HtmlPlace *b);

/* ---- render.c ---- */
/* content: already rendered HTML for {{{content}}}, or NULL. NULL when a limit is passed. */
char *render_nodes(const struct Template *template, json_t *model, const char *content);
/* ---- filter.c ---- */
void filter_append(GString *out, Filter filter, const json_t *value); /* escaped */
void escape_append(GString *out, const char *text);
gboolean filter_find(const char *name, gsize length, Filter *ret);
