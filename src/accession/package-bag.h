/*
 * A bag opened: what its tag files say and what lies in it. package_bag_verify (package.h) is bag_open, bag_verify, bag_result.
 */
#pragma once
#include "crypto.h"
#include "job.h"

typedef struct Bag Bag;
/* Reads tag files and names, no payload. Never NULL: what is wrong is in the result. */
Bag *bag_open(const char *folder);
void bag_verify(Bag *bag, Job *job); /* reads every byte once, whatever the number of manifests */
json_t *bag_result(Bag *bag);        /* {version, errors, warnings, files, bytes}; new reference */
json_t *bag_fields(Bag *bag);        /* bag-info.txt: [{label, value}]; borrowed */
/* What manifests say of a payload file ("data/…"): {"sha512": hex, …}, NULL when nothing. New reference. */
json_t *bag_digests(Bag *bag, const char *path);
void bag_free(Bag *bag);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bag, bag_free)
