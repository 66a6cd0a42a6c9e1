/*
 * What one running archive consists of: handed to jobs and page handlers. The pointers' types belong to rooms above; base/ only carries them.
 */
#pragma once
#include "settings.h"

typedef struct House {
  const char *dir;          /* the archive's directory */
  const Settings *settings;
  struct SqlDb *db;
  struct Content *content;
  struct Search *search;
  struct Jobs *jobs;
  struct Catalog *catalog;  /* definitions (categories, fields, terms), cached */
} House;
