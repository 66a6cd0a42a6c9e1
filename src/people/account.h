/* Inside people/: roles as loaded, accounts as rows, sign-in. */
#pragma once
#include "people.h"

enum { PASSWORD_MIN = 8, PASSWORD_MAX = 128, LOCK_FAILURES = 5 };

/* ---- role.c: an immutable set, replaced as a whole and never freed, so that a borrowed one stays good ---- */
typedef struct RoleSet RoleSet;
gboolean roles_load(const char *definitions_dir, GError **error);
const RoleSet *roles_current(void);
json_t *roles_json(const RoleSet *set);          /* [{code, title, permissions, opening, files, security, exclusive}]; borrowed */
json_t *roles_permissions(const RoleSet *set);   /* {code: label} in order; borrowed */
gboolean roles_know(const RoleSet *set, const char *role);
gboolean roles_exclusive(const RoleSet *set, const char *role);
const char *roles_title(const RoleSet *set, const char *role); /* the code itself when unknown */
gboolean roles_allow(const RoleSet *set, const char *role, const char *permission);
/* Adds what a role shows to scope (fonds are not touched). */
void roles_widen(const RoleSet *set, const char *role, Scope *scope);
const Scope *roles_public_scope(const RoleSet *set);
/* INVALID: unknown or repeated codes, exclusive ones mixed, the public role. */
gboolean roles_check(const RoleSet *set, json_t *roles, GError **error);

/* ---- account.c ---- */
/* A sign-in name in its stored form (ASCII letters in lower case), NULL when it cannot be one: 2–32 letters, digits, ideographs, . _ - */
char *account_name(const char *name);
/* Chinese sentence on what is wrong with a password; NULL: nothing. Static. */
const char *account_password_problem(const char *name, const char *password);
/* {id, name, title, body, roles, role_titles, fonds, security, security_label, enabled, must_change, last_seen}; NOT_FOUND. */
json_t *account_load(Sql *sql, gint64 id, GError **error);
json_t *account_roles(Sql *sql, gint64 id, GError **error);
gboolean account_is_exclusive(json_t *roles);

/* ---- session.c ---- */
/* Checks a password under the rule of failures; records and journals a failure. ret_id: the account. DENIED, BUSY. */
gboolean session_check_password(SqlDb *db, const char *name, const char *password, const char *address, gint64 *ret_id, GError **error);
/* A new session in the caller's transaction; its token. */
char *session_new(Sql *sql, gint64 account_id, const char *address, GError **error);
gboolean people_must_change(const Person *person); /* the password was set by somebody else: until it is changed the person may do and see nothing */

/* ---- pages.c, journal-pages.c ---- */
WebReply *login_page(WebRequest *request, GError **error);
WebReply *login_post(WebRequest *request, GError **error);
WebReply *logout_post(WebRequest *request, GError **error);
WebReply *me_page(WebRequest *request, GError **error);
WebReply *me_post(WebRequest *request, GError **error);
WebReply *journal_page(WebRequest *request, GError **error);
WebReply *journal_verify_post(WebRequest *request, GError **error);

/* ---- title.c ---- */
void titles_open(SqlDb *db);
void titles_forget(Sql *sql); /* an account changes in this transaction */
