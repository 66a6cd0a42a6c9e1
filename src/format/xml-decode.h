/*
 * The bytes of an XML file as UTF-8 without CDATA sections, for a parser that is told nothing of encodings.
 *
 * 1. A byte order mark decides; else UTF-16 by its first character; else the declaration, checked against the bytes: Chinese programs declare GB2312 for
 *    what is GBK or GB18030 (one is contained in the other), UTF-8 for GB18030, and GB2312 for UTF-8.
 * 2. A CDATA section becomes text with &lt; &gt; &amp;: libxml2 would hold a section of gigabytes in memory, and look through it again for each piece.
 */
#pragma once
#include <glib.h>

typedef struct XmlDecoder XmlDecoder;
/* NULL: an encoding that is not one of ours, or a file that cannot be read. */
XmlDecoder *xml_decoder_new(int fd, GError **error);
const char *xml_decoder_encoding(const XmlDecoder *decoder); /* as declared or found, with a remark where these differ */
/* The next piece, valid until the next call; length 0 at the end. On a byte that is no character *ret_line is the number of lines before it in this piece. */
gboolean xml_decoder_next(XmlDecoder *decoder, const char **ret_text, gsize *ret_length, guint *ret_lines, GError **error);
void xml_decoder_free(XmlDecoder *decoder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(XmlDecoder, xml_decoder_free)
