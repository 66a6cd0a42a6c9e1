/*
 * Users, roles, sessions, and the gate: who asks becomes a scope and a set of permissions.
 * Roles are data (definitions/roles.yaml): 系统管理员 sysadmin, 安全保密员 security, 审计员 auditor (三员, mutually exclusive, none sees archive content),
 * archivist 档案员, director 馆长, reader 读者, public 公众.
 * A role row: {title, permissions: [..], opening: [..], files: [..], security: 公开|内部|…, exclusive: bool}. A user has roles; scope is the union, limited by
 * the user's fonds and security level.
 */
#pragma once
#include "house.h"
#include "scope.h"
#include "sql.h"
#include "web.h"

typedef struct Person Person;

/* schema; loads roles from <definitions_dir>/roles.yaml, else the built-in ones */
gboolean people_open(SqlDb *db, const char *definitions_dir, GError **error);
void people_set_session_minutes(gint64 minutes); /* security.session_minutes; 30 until it is called */
/* Who can list the fonds for the choice on a user's page: [{id, code, title}] (new reference). Without one the page keeps an account's fonds as they are. */
typedef json_t *(*PeopleFonds)(const House *house, Sql *sql, GError **error);
void people_set_fonds_source(PeopleFonds source);
/* Every name by which fonds and a body ("" none) stand in work that is told of them: codes, titles, other names. New, ended by NULL. */
typedef char **(*PeopleReach)(Sql *sql, const gint64 *fonds, gsize count, const char *body);
void people_set_reach_source(PeopleReach source);

/* What an account is still responsible for, in words for a message; NULL: nothing. New string. Without a source nobody is asked. */
typedef char *(*PeopleDuties)(Sql *sql, const char *name, const char *title);
void people_set_duties_source(PeopleDuties source);

/* Sign-in: token for the cookie, or DENIED (also after 5 failures: locked 10 minutes, counted per user and address). Journalled. */
char *people_sign_in(SqlDb *db, const char *name, const char *password, const char *address, GError **error);
gboolean people_sign_out(SqlDb *db, const char *token, GError **error);
Person *people_identify(SqlDb *db, const char *session_token); /* NULL: nobody; sessions end after people_set_session_minutes without use */
/* An account as it may do and see now, for work that goes on without its session. NOT_FOUND: there is none, or it is disabled. */
Person *people_account(SqlDb *db, const char *name, GError **error);
void people_person_free(Person *person);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Person, people_person_free)
gint64 people_id(const Person *person);
const char *people_name(const Person *person);    /* sign-in name */
const char *people_title(const Person *person);   /* shown name */
gboolean people_may(const Person *person, const char *permission); /* person NULL: the public role */
gboolean people_has_role(const Person *person, const char *role); /* NULL: only the public one; nobody has a role before the password is his own */
/* The body (移交单位) that an account with delivery.own hands over for; "": none. Never NULL. */
const char *people_body(const Person *person);
/* Who works for some fonds only, or hands over for one body (delivery.own): under which names those stand; without a source no name. NULL: for the whole house. */
const char *const *people_reach(const Person *person);
json_t *people_duty_names(const Person *person); /* under which names something is his to do: sign-in name, shown name, body, his roles. New */
gboolean people_colleagues(Sql *sql, const char *name, const char *other); /* two enabled accounts that share a role (岗位) */
char *people_title_of(const char *name); /* the shown name for a sign-in name; NULL: no such account. New string. For web_set_person_source */
const Scope *people_scope(const Person *person);  /* owned by person; NULL person: the public scope, static */
json_t *people_roles(void);                       /* the roles as loaded: [{code, title, permissions, …}]; borrowed */

/* Accounts. roles: JSON array of codes; fonds: JSON array of fonds record ids, empty = all; INVALID when exclusive roles are mixed or the password is weak
 * (≥ 8, two kinds of characters).
 * A password given by another user (not "system", not the owner) must be changed at the first sign-in; until then its owner may do and see nothing. */
gint64 people_user_create(Sql *sql, const char *actor, const char *name, const char *title, const char *password, json_t *roles, json_t *fonds,
  Security security, GError **error);
/* DENIED when the actor changes his own roles, fonds, level or state. CONFLICT when who is disabled is still responsible for something. */
gboolean people_user_update(Sql *sql, const char *actor, gint64 id, const char *title, json_t *roles, json_t *fonds, Security security, gboolean enabled,
  GError **error);
/* The account's body, "" for none; journalled. DENIED for one's own account. */
gboolean people_user_body(Sql *sql, const char *actor, gint64 id, const char *body, GError **error);
/* ends the user's sessions; DENIED for the 三员 except by themselves or "system" */
gboolean people_user_password(Sql *sql, const char *actor, gint64 id, const char *password, GError **error);
/* [{id, name, title, body, roles, role_titles, fonds, security, security_label, enabled, must_change, last_seen}] by name */
json_t *people_user_list(Sql *sql, GError **error);

/* Pages: /login /logout /me /users /user/new /user/{id} (and its /grant, /password) /roles /journal. Rows of the route table, ended by method NULL. */
extern const WebRoute PEOPLE_ROUTES[];
