/* The database files of the process, each mapped once for all connections. */
#ifndef LANTAI_SQL_MAP_H
#define LANTAI_SQL_MAP_H

/* From now on database files are opened so. Once, before the first is opened; a connection reads by the mapping that has set PRAGMA mmap_size to more than 0. */
void sql_map_register(void);

#endif
