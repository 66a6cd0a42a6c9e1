/*
 * What the child that reads XML says to the parent, in frames (frame.h):
 *   INFO   the encoding as NUL-ended text; first
 *   OPEN   local name, namespace, then name and value of each attribute, all NUL-ended
 *   TEXT   bytes, at most XML_TEXT_MAX, valid UTF-8 by themselves
 *   CLOSE  nothing
 *   ERROR, END  the last frame is one of them
 */
#pragma once
#include "frame.h"

typedef enum { XML_FRAME_INFO = 1, XML_FRAME_OPEN, XML_FRAME_TEXT, XML_FRAME_CLOSE, XML_FRAME_ERROR, XML_FRAME_END } XmlFrameType;
enum { XML_DEPTH_MAX = 200, XML_TEXT_MAX = 64 << 10, XML_TAG_MAX = 4 << 20, XML_NAME_MAX = 4096, XML_ATTRIBUTES_MAX = 4096 };

/* Takes one frame's bytes; seen by the fuzz target, which writes to nobody. */
typedef void (*XmlAnswer)(const void *data, gsize length);
/* Parses the regular file to its end; the last frame goes out in every case. */
void xml_child_parse(int fd, XmlAnswer answer);
/* The parent's end over a child that was started; takes the child. Seen by the tests, which let children talk nonsense. */
struct FormatXml *xml_reader_new(Sandbox *sandbox, const char *name);
