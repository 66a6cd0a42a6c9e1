/*
 * The sandbox, inside this room. One helper process (the program re-executed as `lantai sandbox`, before any foreign byte is read) forks a
 * fresh child for every file, in about a millisecond, as a child of the program itself (CLONE_PARENT), so that the program can wait for it and kill it.
 *
 * Invariants:
 * 1. A child has three descriptors: INPUT (the file, read only, or a pipe), ANSWER (pipe or socket) and /dev/null; it restricts itself before it reads.
 * 2. The parent believes nothing that it reads from ANSWER; every length is bounded, every text is validated.
 * 3. Every wait of the parent ends: a child that says nothing for the kind's patience is killed.
 */
#pragma once
#include <glib.h>

enum { SANDBOX_INPUT = 3, SANDBOX_ANSWER = 4 };
enum { SANDBOX_ARGUMENT_MAX = 48 };

/* ---- the parent's side (sandbox.c) ---- */
typedef struct Sandbox Sandbox;
/* Starts a child of a kind of jail.c's table. argument: at most 47 bytes. input is borrowed. */
Sandbox *sandbox_start(const char *kind, const char *argument, int input, GError **error);
/* The same with a Unix socket of packets as answer, over which the child may send descriptors. */
Sandbox *sandbox_start_socket(const char *kind, const char *argument, int input, GError **error);
/* Up to length bytes; 0 at the end; -1 with an error (the child is then dead). ret_fd: a descriptor that came along, else -1; may be NULL. */
gssize sandbox_read(Sandbox *sandbox, void *buffer, gsize length, int *ret_fd, GError **error);
/* Waits for the end; FALSE with the reason unless the child exited with 0. */
gboolean sandbox_finish(Sandbox *sandbox, GError **error);
/* The answer's descriptor, to be handed to another child as its input. */
int sandbox_answer(const Sandbox *sandbox);
void sandbox_free(Sandbox *sandbox); /* kills what still runs */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sandbox, sandbox_free)
/* Runs a child to its end and gives its whole answer; TOO_LARGE beyond limit bytes. */
GByteArray *sandbox_run(const char *kind, const char *argument, int input, gsize limit, GError **error);
/* Opens a regular file for reading; INVALID with a reason for folders, devices and empty files. */
int sandbox_open_input(const char *path, GError **error);

/* ---- the child's side (jail.c and the parsers) ---- */
/* What a child's exit status tells the parent; 81: LibreOffice has made its settings and wants to be run again. */
enum { SANDBOX_EXIT_JAIL = 3, SANDBOX_EXIT_NO_TOOL = 4, SANDBOX_EXIT_TOO_LARGE = 5, SANDBOX_EXIT_AGAIN = 81 };
typedef struct {
  const char *kind;
  int (*run)(const char *argument); /* NULL: tool is executed instead */
  const char *tool; /* path of the one program that may be executed */
  const char *package; /* which has the tool; NULL: poppler-utils */
  gboolean scratch; /* INPUT is an open folder in which the tool may write; needs Landlock */
  guint memory_mib, cpu_s, patience_s;
  void (*prepare)(void); /* run once in the helper, before the fork */
} SandboxKind;
const SandboxKind *sandbox_kind_find(const char *kind);
/* Gives up every right that the kind does not need. FALSE: not even the basics worked, the child must not go on. */
gboolean jail_enter(const SandboxKind *kind);
/* Writes everything or exits: nobody listens any more. */
void jail_answer(const void *data, gsize length);
int jail_probe(const char *argument); /* tries what is forbidden and answers with JSON */

int child_table(const char *argument); /* table-child.c */
int child_xml(const char *argument); /* xml-child.c */
int child_ofd(const char *argument); /* ofd-child.c */
int child_eep(const char *argument); /* signature.c */
int child_canonical(const char *argument);
int child_trust(const char *argument);
int child_examine(const char *argument); /* examine-pixels.c */
int child_package(const char *argument); /* package-child.c */
int child_magic(const char *argument); /* identify.c */
void child_magic_prepare(void);
int child_pages(const char *argument); /* image-child.c */
int child_pyramid(const char *argument);
int child_access(const char *argument);
void child_image_prepare(void);
