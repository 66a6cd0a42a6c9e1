/*
 * The command line: one table of commands, options by GOption, messages on standard error, one JSON value on standard output with --json.
 * Exit status is 0 only on success.
 */
#include "app.h"
#include "error.h"
#include "format.h"
#include <locale.h>
#include <stdio.h>
#include <string.h>

static const Command *const GROUPS[] = {ARCHIVE_COMMANDS, SERVE_COMMANDS, IMPORT_COMMANDS, RECEIVE_COMMANDS, QUERY_COMMANDS, CARE_COMMANDS,
    COPY_COMMANDS, PATROL_COMMANDS, EXPORT_COMMANDS, LEDGER_COMMANDS, PROOF_COMMANDS, IDENTIFY_COMMANDS,
  REPORT_COMMANDS, USER_COMMANDS, DEMO_COMMANDS};

static gboolean printed; /* the one JSON value is out */

void command_print(const CommandLine *line, json_t *value, const char *text, ...) {
  printed = TRUE;
  if (line->json) {
    g_autofree char *dump = json_dumps(value, JSON_INDENT(2) | JSON_ENSURE_ASCII * 0);
    fprintf(stdout, "%s\n", dump);
  } else {
    va_list arguments;
    va_start(arguments, text);
    vfprintf(stdout, text, arguments);
    va_end(arguments);
  }
  fflush(stdout);
  json_decref(value);
}

/* Columns on a terminal: ideographs take two. */
static int display_width(const char *text) {
  int width = 0;
  for (; *text; text = g_utf8_next_char(text)) width += g_unichar_iswide(g_utf8_get_char(text)) ? 2 : 1;
  return width;
}

static void print_help(FILE *out) {
  fputs("兰台：数字档案馆系统\n\n用法：lantai [-C 目录] 命令 [选项] …\n\n命令：\n", out);
  for (guint g = 0; g < G_N_ELEMENTS(GROUPS); g++)
    for (const Command *command = GROUPS[g]; command->name; command++) {
      g_autofree char *head = g_strdup_printf("%s %s", command->name, command->arguments);
      fprintf(out, "  %s%*s%s\n", head, 34 - display_width(head), "", command->summary);
    }
  fputs(
    "\n  -C 目录    档案库所在目录（缺省：环境变量 LANTAI_DIR，再缺省 ./archive）\n  --json     结果以一个 JSON 值写到标准输出\n每个命令都有 --help。\n", out);
}

static const Command *find_command(const char *name) {
  for (guint g = 0; g < G_N_ELEMENTS(GROUPS); g++)
    for (const Command *command = GROUPS[g]; command->name; command++)
      if (g_str_equal(command->name, name)) return command;
  return NULL;
}

static int wrong_use(const char *message) {
  fprintf(stderr, "lantai: %s\n运行 lantai --help 查看用法。\n", message);
  return 2;
}

/* GLib's words for wrong options, in ours; the option is their last word. */
static int wrong_option(const GError *error) {
  const char *space = strrchr(error->message, ' ');
  g_autofree char *message = g_strdup_printf(
    error->code == G_OPTION_ERROR_UNKNOWN_OPTION ? "没有选项 %s" : "选项 %s 缺少值，或值不对", space ? space + 1 : error->message);
  return wrong_use(message);
}

static int print_options(GOptionContext *context) {
  g_autofree char *help = g_option_context_get_help(context, TRUE, NULL);
  g_autoptr(GString) text = g_string_new(help);
  g_string_replace(text, "Usage:", "用法：", 1);
  g_string_replace(text, "[OPTION…]", "[选项] …", 1);
  g_string_replace(text, "\nOptions:", "\n选项：", 1);
  fputs(text->str, stdout);
  return 0;
}

static void report_failure(const CommandLine *line, const GError *error) {
  fprintf(stderr, "lantai: %s\n", error->message);
  if (!line->json || printed) return;
  static const char *const codes[] = {"invalid", "denied", "not_found", "conflict", "too_large", "busy", "unavailable", "internal"};
  const char *code = error->domain == LANTAI_ERROR && error->code >= 0 && error->code < (int)G_N_ELEMENTS(codes) ? codes[error->code] : "internal";
  json_t *value = json_pack("{s:{s:s, s:s}}", "error", "code", code, "message", error->message);
  json_dumpf(value, stdout, JSON_INDENT(2));
  fputc('\n', stdout);
  json_decref(value);
}

static int run_command(const Command *command, int argc, char **argv, const CommandLine *before) {
  g_autofree char *chosen_dir = NULL;
  gboolean json = before->json, help = FALSE;
  GOptionEntry common[] = {
    {"help", 'h', 0, G_OPTION_ARG_NONE, &help, "显示本说明", NULL},
    {"directory", 'C', 0, G_OPTION_ARG_FILENAME, &chosen_dir, "档案库所在目录", "目录"},
    {"json", 0, 0, G_OPTION_ARG_NONE, &json, "结果写成 JSON", NULL},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
  };
  g_autofree char *usage = g_strdup_printf("%s — %s", command->arguments, command->summary);
  g_autoptr(GOptionContext) context = g_option_context_new(usage);
  g_option_context_set_help_enabled(context, FALSE);
  g_option_context_add_main_entries(context, common, NULL);
  if (command->options) g_option_context_add_main_entries(context, command->options(), NULL);
  g_autoptr(GError) error = NULL;
  g_autofree char *program = g_strdup_printf("lantai %s", command->name);
  argv[0] = program;
  g_set_prgname(program);
  if (!g_option_context_parse(context, &argc, &argv, &error)) return wrong_option(error);
  if (help) return print_options(context);
  CommandLine line = {chosen_dir ? chosen_dir : before->dir, json, argc - 1, argv + 1};
  if (line.count < command->minimum || line.count > command->maximum) return wrong_use(line.count < command->minimum ? "缺少参数" : "参数太多");
  if (command->run(&line, &error)) return 0;
  if (error) report_failure(&line, error);
  return 1;
}

int app_main(int argc, char **argv) {
  if (argc > 1 && g_str_equal(argv[1], "sandbox")) return format_sandbox_main(argc, argv);
  setlocale(LC_ALL, "C.UTF-8");
  log_init();
  const char *dir = g_getenv("LANTAI_DIR");
  if (dir == NULL) dir = "archive";
  int at = 1;
  gboolean json = FALSE;
  for (; at < argc && (g_str_equal(argv[at], "-C") || g_str_equal(argv[at], "--json")); at++) {
    if (g_str_equal(argv[at], "--json")) json = TRUE;
    else if (++at < argc) dir = argv[at];
  }
  if (at >= argc) return print_help(stderr), 2;
  if (g_str_equal(argv[at], "--help") || g_str_equal(argv[at], "-h") || g_str_equal(argv[at], "help")) return print_help(stdout), 0;
  if (g_str_equal(argv[at], "--version")) return puts("lantai " LANTAI_VERSION), 0;
  const Command *command = find_command(argv[at]);
  if (command == NULL) {
    g_autofree char *message = g_strdup_printf("没有命令 %s", argv[at]);
    return wrong_use(message);
  }
  return run_command(command, argc - at, argv + at, &(CommandLine){.dir = dir, .json = json});
}
