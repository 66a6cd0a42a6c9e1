/* For unit tests: calls with an `error` of their own, which must succeed or must fail. Inside the expression `error` is the place for it. */
#pragma once
#include "error.h"

/* The expression's value; no error may be left. */
#define good(expression) \
  ({ \
    GError *good_error = NULL; \
    GError **error = &good_error; \
    __auto_type good_result = (expression); \
    g_assert_no_error(good_error); \
    good_result; \
  })

/* The expression is FALSE or NULL, with an error of this kind (LANTAI_ERROR_…). */
#define fails(expression, kind) \
  do { \
    GError *fail_error = NULL; \
    GError **error = &fail_error; \
    gboolean fail_result = (expression) ? TRUE : FALSE; \
    g_assert_false(fail_result); \
    g_assert_error(fail_error, LANTAI_ERROR, (int)(kind)); \
    g_clear_error(&fail_error); \
  } while (0)
