/*
 * Packages of any layout as what this room knows already: a table and a folder of documents.
 *
 * A survey looks at a folder (an archive file is unpacked before) and finds its layout: "bagit", "eep" (DA/T 48), "dat93" (DA/T 93-2022), "2012"
 * (档发〔2012〕7号), "vendor" (the old
 * 说明文件.xml), "documents" (files by themselves: each a record). It writes a table (UTF-8 CSV under our own labels; one row for each item or volume;
 * column 文件 names the documents
 * by their paths, one a line) and says what the package declares of itself.
 *
 * 1. Nothing that the package says is believed before a check: declared facts stay apart from what was found.
 * 2. A package with faults still gives what can be read; each fault is an entry of `structure` (check.h). Only what is no package at all is an error.
 */
#pragma once
#include "job.h"

/* work: the delivery's folder, for derived files ("package.csv", "extracted/"). job NULL: no progress. Again after a crash: the same result.
 * {layout, layout_label, table, documents, encoding, declared: {body, description, items, volumes, bytes, first_code, last_code, carrier, environment,
 * digest, fields: [{label, value}]},
 *  structure: [{aspect, path, reason}], files: path of files.ndjson ({path, …declared of CheckFile} a line) or absent, category, fonds, fonds_title,
 * name, rows, surplus_expected: [paths of the package's
 *  own files]}. New reference. */
json_t *package_survey(const House *house, Job *job, const char *folder, const char *work, GError **error);
/* Whether a path is a table (to be read as one) and not a package: by content. */
gboolean package_is_table(const char *path);
/* A bag held against BagIt (RFC 8493, and 0.93–0.97): {version, errors: [{code, path, text}], warnings: […], files, bytes}. Never fails. */
json_t *package_bag_verify(const char *folder);
/* Unpacks a zip or tar into a folder that is there, within the limits of format_package_next. */
gboolean package_unpack(const char *archive, const char *folder, GError **error);
gboolean package_folder_remove(const char *folder); /* with everything in it */
