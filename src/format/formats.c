/*
 * The formats that Chinese archives meet, as data: MIME type, PRONOM id, name, kind, extensions. More than one row for a type: the first is its default,
 * the others are told by the bytes (identify.c). "" for a PRONOM id where the bytes do not decide one.
 *
 * An archives' own rows (format_table_of_formats) go before these; they are kept for the life of the program, since names of formats are handed out as static.
 */
#include "formats.h"
#include <string.h>

static const FormatRow KNOWN[] = {
  {{"image/jpeg", "fmt/41", "JPEG 图像", "image"}, "jpg jpeg jpe jfif"},
  {{"image/jpeg", "fmt/42", "JPEG 图像（JFIF 1.00）", "image"}, "jpg jpeg jpe jfif"},
  {{"image/jpeg", "fmt/43", "JPEG 图像（JFIF 1.01）", "image"}, "jpg jpeg jpe jfif"},
  {{"image/jpeg", "fmt/44", "JPEG 图像（JFIF 1.02）", "image"}, "jpg jpeg jpe jfif"},
  {{"image/jpeg", "x-fmt/390", "JPEG 图像（Exif 2.1）", "image"}, "jpg jpeg jpe jfif"},
  {{"image/jpeg", "x-fmt/391", "JPEG 图像（Exif 2.2）", "image"}, "jpg jpeg jpe jfif"},
  {{"image/jpeg", "fmt/645", "JPEG 图像（Exif 2.21）", "image"}, "jpg jpeg jpe jfif"},
  {{"image/tiff", "fmt/353", "TIFF 图像", "image"}, "tif tiff"},
  {{"image/png", "fmt/11", "PNG 图像", "image"}, "png"},
  {{"image/png", "fmt/12", "PNG 图像 1.1", "image"}, "png"},
  {{"image/png", "fmt/13", "PNG 图像 1.2", "image"}, "png"},
  {{"image/gif", "fmt/3", "GIF 图像 87a", "image"}, "gif"},
  {{"image/gif", "fmt/4", "GIF 图像 89a", "image"}, "gif"},
  {{"image/bmp", "", "BMP 图像", "image"}, "bmp dib"},
  {{"image/bmp", "fmt/115", "BMP 图像 2.0", "image"}, "bmp dib"},
  {{"image/bmp", "fmt/116", "BMP 图像 3.0", "image"}, "bmp dib"},
  {{"image/bmp", "fmt/118", "BMP 图像 4.0", "image"}, "bmp dib"},
  {{"image/bmp", "fmt/119", "BMP 图像 5.0", "image"}, "bmp dib"},
  {{"image/jp2", "x-fmt/392", "JPEG 2000 图像", "image"}, "jp2"},
  {{"image/jpx", "fmt/151", "JPEG 2000 图像（JPX）", "image"}, "jpx jpf jp2"},
  {{"image/x-jp2-codestream", "", "JPEG 2000 码流", "image"}, "j2k j2c jpc"},
  {{"image/webp", "", "WebP 图像", "image"}, "webp"},
  {{"image/webp", "fmt/566", "WebP 图像（有损）", "image"}, "webp"},
  {{"image/webp", "fmt/567", "WebP 图像（无损）", "image"}, "webp"},
  {{"image/webp", "fmt/568", "WebP 图像（扩展）", "image"}, "webp"},
  {{"image/heic", "fmt/1101", "HEIF 图像", "image"}, "heic heif"},
  {{"application/pdf", "", "PDF 文件", "pdf"}, "pdf"},
  {{"application/pdf", "fmt/14", "PDF 1.0", "pdf"}, "pdf"},
  {{"application/pdf", "fmt/15", "PDF 1.1", "pdf"}, "pdf"},
  {{"application/pdf", "fmt/16", "PDF 1.2", "pdf"}, "pdf"},
  {{"application/pdf", "fmt/17", "PDF 1.3", "pdf"}, "pdf"},
  {{"application/pdf", "fmt/18", "PDF 1.4", "pdf"}, "pdf"},
  {{"application/pdf", "fmt/19", "PDF 1.5", "pdf"}, "pdf"},
  {{"application/pdf", "fmt/20", "PDF 1.6", "pdf"}, "pdf"},
  {{"application/pdf", "fmt/276", "PDF 1.7", "pdf"}, "pdf"},
  {{"application/pdf", "fmt/1129", "PDF 2.0", "pdf"}, "pdf"},
  {{"application/pdf", "fmt/95", "PDF/A-1a", "pdf"}, "pdf"},
  {{"application/pdf", "fmt/354", "PDF/A-1b", "pdf"}, "pdf"},
  {{"application/pdf", "fmt/476", "PDF/A-2a", "pdf"}, "pdf"},
  {{"application/pdf", "fmt/477", "PDF/A-2b", "pdf"}, "pdf"},
  {{"application/pdf", "fmt/478", "PDF/A-2u", "pdf"}, "pdf"},
  {{"application/pdf", "fmt/479", "PDF/A-3a", "pdf"}, "pdf"},
  {{"application/pdf", "fmt/480", "PDF/A-3b", "pdf"}, "pdf"},
  {{"application/pdf", "fmt/481", "PDF/A-3u", "pdf"}, "pdf"},
  {{"application/pdf", "fmt/1910", "PDF/A-4", "pdf"}, "pdf"},
  {{"application/pdf", "fmt/1912", "PDF/A-4f", "pdf"}, "pdf"},
  {{"application/pdf", "fmt/1911", "PDF/A-4e", "pdf"}, "pdf"},
  {{"text/plain", "x-fmt/111", "纯文本", "text"}, "txt text log ini md asc lst"},
  {{"text/html", "fmt/96", "网页（HTML）", "text"}, "html htm xhtml"},
  {{"text/xml", "fmt/101", "XML 文件", "text"}, "xml xsd xsl xslt"},
  {{"text/rtf", "", "RTF 文档", "office"}, "rtf doc wps"},
  {{"application/msword", "fmt/40", "Word 文档 97-2003", "office"}, "doc dot"},
  {{"application/msword", "fmt/39", "Word 文档 6.0/95", "office"}, "doc dot"},
  {{"application/vnd.ms-excel", "fmt/61", "Excel 表格 97-2003", "office"}, "xls xlt"},
  {{"application/vnd.ms-excel", "fmt/59", "Excel 表格 5.0/95", "office"}, "xls xlt"},
  {{"application/vnd.ms-powerpoint", "fmt/126", "PowerPoint 演示文稿 97-2003", "office"}, "ppt pps pot"},
  {{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "fmt/412", "Word 文档（docx）", "office"}, "docx docm dotx"},
  {{"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "fmt/214", "Excel 表格（xlsx）", "office"}, "xlsx xlsm xltx"},
  {{"application/vnd.openxmlformats-officedocument.presentationml.presentation", "fmt/215", "PowerPoint 演示文稿（pptx）", "office"}, "pptx pptm ppsx potx"},
  {{"application/x-ole-encrypted", "fmt/494", "加密的 Office 文档", "office"}, "docx xlsx pptx doc xls ppt"},
  {{"application/x-ole-storage", "fmt/111", "OLE 复合文档", "other"}, ""},
  {{"application/ofd", "", "OFD 版式文件", "office"}, "ofd"},
  {{"application/vnd.oasis.opendocument.text", "", "OpenDocument 文档（odt）", "office"}, "odt"},
  {{"application/vnd.oasis.opendocument.text", "fmt/136", "OpenDocument 文档 1.0", "office"}, "odt"},
  {{"application/vnd.oasis.opendocument.text", "fmt/290", "OpenDocument 文档 1.1", "office"}, "odt"},
  {{"application/vnd.oasis.opendocument.text", "fmt/291", "OpenDocument 文档 1.2", "office"}, "odt"},
  {{"application/vnd.oasis.opendocument.spreadsheet", "", "OpenDocument 表格（ods）", "office"}, "ods"},
  {{"application/vnd.oasis.opendocument.spreadsheet", "fmt/137", "OpenDocument 表格 1.0", "office"}, "ods"},
  {{"application/vnd.oasis.opendocument.spreadsheet", "fmt/294", "OpenDocument 表格 1.1", "office"}, "ods"},
  {{"application/vnd.oasis.opendocument.spreadsheet", "fmt/295", "OpenDocument 表格 1.2", "office"}, "ods"},
  {{"application/vnd.oasis.opendocument.presentation", "", "OpenDocument 演示文稿（odp）", "office"}, "odp"},
  {{"application/vnd.oasis.opendocument.presentation", "fmt/138", "OpenDocument 演示文稿 1.0", "office"}, "odp"},
  {{"application/vnd.oasis.opendocument.presentation", "fmt/292", "OpenDocument 演示文稿 1.1", "office"}, "odp"},
  {{"application/vnd.oasis.opendocument.presentation", "fmt/293", "OpenDocument 演示文稿 1.2", "office"}, "odp"},
  {{"application/epub+zip", "fmt/483", "EPUB 电子书", "office"}, "epub"},
  {{"application/zip", "x-fmt/263", "ZIP 压缩包", "other"}, "zip"},
  {{"application/x-rar", "", "RAR 压缩包", "other"}, "rar"},
  {{"application/x-rar", "x-fmt/264", "RAR 压缩包 2.0", "other"}, "rar"},
  {{"application/x-rar", "fmt/411", "RAR 压缩包 2.9", "other"}, "rar"},
  {{"application/x-rar", "fmt/613", "RAR 压缩包 5.0", "other"}, "rar"},
  {{"application/x-7z-compressed", "fmt/484", "7z 压缩包", "other"}, "7z"},
  {{"application/gzip", "x-fmt/266", "GZIP 压缩文件", "other"}, "gz tgz"},
  {{"application/x-tar", "x-fmt/265", "TAR 打包文件", "other"}, "tar"},
  {{"application/x-dbf", "", "DBF 数据表", "other"}, "dbf"},
  {{"application/x-dbf", "x-fmt/8", "DBF 数据表（dBASE II）", "other"}, "dbf"},
  {{"application/x-dbf", "x-fmt/9", "DBF 数据表（dBASE III）", "other"}, "dbf"},
  {{"application/x-dbf", "x-fmt/10", "DBF 数据表（dBASE IV）", "other"}, "dbf"},
  {{"application/x-dbf", "fmt/373", "DBF 数据表（FoxPro）", "other"}, "dbf"},
  {{"application/x-dbf", "fmt/374", "DBF 数据表（Visual FoxPro）", "other"}, "dbf"},
  {{"application/vnd.sqlite3", "fmt/729", "SQLite 数据库", "other"}, "db sqlite sqlite3 db3"},
  {{"message/rfc822", "fmt/278", "电子邮件", "other"}, "eml mht mhtml"},
  {{"application/json", "fmt/817", "JSON 数据", "text"}, "json"},
  {{"image/vnd.dwg", "", "AutoCAD 图纸（DWG）", "other"}, "dwg dwt"},
  {{"image/vnd.dwg", "fmt/32", "AutoCAD 图纸（DWG R11/R12）", "other"}, "dwg dwt"},
  {{"image/vnd.dwg", "fmt/33", "AutoCAD 图纸（DWG R13）", "other"}, "dwg dwt"},
  {{"image/vnd.dwg", "fmt/34", "AutoCAD 图纸（DWG R14）", "other"}, "dwg dwt"},
  {{"image/vnd.dwg", "fmt/35", "AutoCAD 图纸（DWG 2000）", "other"}, "dwg dwt"},
  {{"image/vnd.dwg", "fmt/36", "AutoCAD 图纸（DWG 2004）", "other"}, "dwg dwt"},
  {{"image/vnd.dwg", "x-fmt/455", "AutoCAD 图纸（DWG 2007）", "other"}, "dwg dwt"},
  {{"image/vnd.dwg", "fmt/434", "AutoCAD 图纸（DWG 2010）", "other"}, "dwg dwt"},
  {{"image/vnd.dwg", "fmt/531", "AutoCAD 图纸（DWG 2013）", "other"}, "dwg dwt"},
  {{"application/postscript", "", "PostScript 文件", "other"}, "ps eps ai"},
  {{"image/svg+xml", "", "SVG 矢量图", "other"}, "svg"},
  {{"image/vnd.adobe.photoshop", "x-fmt/92", "Photoshop 图像", "other"}, "psd"},
  {{"audio/x-wav", "fmt/6", "WAV 音频", "audio"}, "wav"},
  {{"audio/mpeg", "fmt/134", "MP3 音频", "audio"}, "mp3 mp2"},
  {{"audio/flac", "fmt/279", "FLAC 音频", "audio"}, "flac"},
  {{"audio/ogg", "", "Ogg 音频", "audio"}, "ogg oga opus"},
  {{"audio/x-m4a", "", "MPEG-4 音频", "audio"}, "m4a"},
  {{"audio/amr", "", "AMR 音频", "audio"}, "amr"},
  {{"video/mp4", "fmt/199", "MP4 视频", "video"}, "mp4 m4v"},
  {{"video/quicktime", "x-fmt/384", "QuickTime 视频", "video"}, "mov qt"},
  {{"video/x-msvideo", "fmt/5", "AVI 视频", "video"}, "avi"},
  {{"video/x-matroska", "fmt/569", "Matroska 视频", "video"}, "mkv webm mka"},
  {{"video/mpeg", "", "MPEG 视频", "video"}, "mpg mpeg mpe vob"},
  {{"video/x-flv", "x-fmt/382", "FLV 视频", "video"}, "flv"},
  {{"video/x-ms-asf", "fmt/131", "Windows Media 音视频（ASF）", "video"}, "asf wmv wma"},
  {{"video/mp2t", "", "MPEG 传输流视频", "video"}, "ts m2ts mts"},
  {{"application/vnd.wps", "", "WPS 文字", "office"}, "wps wpt"},
  {{"application/vnd.wps-et", "", "WPS 表格（ET）", "office"}, "et ett"},
  {{"application/vnd.wps-dps", "", "WPS 演示（DPS）", "office"}, "dps dpt"},
  {{"application/vnd.ms-outlook", "x-fmt/430", "Outlook 邮件（MSG）", "other"}, "msg"},
  {{"text/csv", "x-fmt/18", "CSV 表格", "text"}, "csv"},
  {{"text/tab-separated-values", "x-fmt/13", "TSV 表格", "text"}, "tsv tab"},
  {{"image/x-jbig2", "", "JBIG2 图像", "image"}, "jb2 jbig2"},
  {{"image/wmf", "x-fmt/119", "WMF 图元文件", "other"}, "wmf"},
  {{"image/emf", "fmt/344", "EMF 图元文件", "other"}, "emf"},
  {{"image/eps", "", "EPS 图形", "other"}, "eps epsf"},
  {{"application/x-shockwave-flash", "", "Flash 动画（SWF）", "other"}, "swf"},
  {{"image/vnd.dxf", "", "AutoCAD 交换文件（DXF）", "other"}, "dxf"},
  {{"model/step", "", "STEP 三维模型", "other"}, "stp step p21"},
  {{"application/mxf", "fmt/200", "MXF 视频", "video"}, "mxf"},
  {{"audio/x-ms-wma", "fmt/132", "Windows Media 音频（WMA）", "audio"}, "wma"},
  {{"video/x-ms-wmv", "fmt/133", "Windows Media 视频（WMV）", "video"}, "wmv"},
  {{"audio/aac", "", "AAC 音频", "audio"}, "aac"},
  {{"audio/x-aiff", "x-fmt/135", "AIFF 音频", "audio"}, "aif aiff"},
  {{"audio/midi", "", "MIDI 音频", "audio"}, "mid midi"},
  {{"application/ogg", "", "Ogg 音视频", "audio"}, "ogg ogv oga opus"},
  {{"video/ogg", "", "Ogg 视频", "video"}, "ogv ogg"},
  {{"video/3gpp", "", "3GPP 视频", "video"}, "3gp"},
  {{"video/webm", "", "WebM 视频", "video"}, "webm"},
  {{"application/x-msaccess", "", "Access 数据库（MDB）", "other"}, "mdb"},
  {{"application/x-msaccess-2007", "fmt/275", "Access 数据库（ACCDB）", "other"}, "accdb"},
  {{"application/warc", "fmt/289", "网页归档（WARC）", "other"}, "warc"},
  {{"application/x-bzip2", "x-fmt/268", "BZIP2 压缩文件", "other"}, "bz2"},
  {{"application/x-xz", "", "XZ 压缩文件", "other"}, "xz"},
  {{"application/x-iso9660-image", "fmt/468", "光盘映像（ISO）", "other"}, "iso"},
  {{"application/vnd.ms-cab-compressed", "x-fmt/414", "CAB 压缩包", "other"}, "cab"},
  {{"application/x-dosexec", "", "Windows 程序", "other"}, "exe dll com scr"},
  {{"application/x-executable", "", "可执行程序", "other"}, ""},
};

/* What only the name tells apart: the bytes say `from`, the extension says which of its uses. */
static const struct {
  const char *from, *extension, *to;
} REFINED[] = {
  {"application/msword", "wps", "application/vnd.wps"},
  {"application/msword", "wpt", "application/vnd.wps"},
  {"application/x-ole-storage", "wps", "application/vnd.wps"},
  {"application/vnd.ms-excel", "et", "application/vnd.wps-et"},
  {"application/vnd.ms-excel", "ett", "application/vnd.wps-et"},
  {"application/x-ole-storage", "et", "application/vnd.wps-et"},
  {"application/vnd.ms-powerpoint", "dps", "application/vnd.wps-dps"},
  {"application/vnd.ms-powerpoint", "dpt", "application/vnd.wps-dps"},
  {"application/x-ole-storage", "dps", "application/vnd.wps-dps"},
  {"text/plain", "csv", "text/csv"},
  {"text/plain", "tsv", "text/tab-separated-values"},
  {"application/postscript", "eps", "image/eps"},
  {"video/x-matroska", "webm", "video/webm"},
};

const FormatInfo FORMAT_EMPTY = {"application/x-empty", "", "空文件", "other"}, FORMAT_UNKNOWN = {"application/octet-stream", "", "未识别的格式", "other"};

static GMutex own_lock;
static GPtrArray *own_rows; /* of FormatRow, newest first; never freed */

/* An archives' own word for a format: by PRONOM id where the row has one, else by MIME type. */
static const FormatRow *find_own(const char *mime, const char *puid) {
  g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&own_lock);
  (void)lock;
  for (guint i = 0; own_rows != NULL && i < own_rows->len; i++) {
    const FormatRow *row = g_ptr_array_index(own_rows, i);
    if (*row->info.puid != '\0' ? strcmp(row->info.puid, puid) == 0 : strcmp(row->info.mime, mime) == 0) return row;
  }
  return NULL;
}

static const FormatRow *find_row(const char *mime, const char *puid) {
  for (gsize i = 0; i < G_N_ELEMENTS(KNOWN); i++)
    if (strcmp(KNOWN[i].info.mime, mime) == 0 && (puid == NULL || strcmp(KNOWN[i].info.puid, puid) == 0)) return &KNOWN[i];
  return NULL;
}

FormatInfo formats_find(const char *mime, const char *puid) {
  const FormatRow *row = find_row(mime, puid);
  const FormatRow *own = find_own(mime, row == NULL ? "" : row->info.puid);
  if (own != NULL) return own->info;
  return row == NULL ? FORMAT_UNKNOWN : row->info;
}

const char *format_name(const char *puid, const char *mime) {
  FormatInfo exact = formats_find(mime, puid), alike = formats_find(mime, NULL);
  return exact.mime != FORMAT_UNKNOWN.mime ? exact.name : alike.mime != FORMAT_UNKNOWN.mime ? alike.name : mime;
}

static char *dup_extension(const char *name) {
  const char *dot = strrchr(name, '.');
  return g_ascii_strdown(dot == NULL ? "" : dot + 1, -1);
}

FormatInfo formats_refine(FormatInfo found, const char *name) {
  g_autofree char *extension = dup_extension(name);
  for (gsize i = 0; i < G_N_ELEMENTS(REFINED); i++)
    if (strcmp(REFINED[i].from, found.mime) == 0 && strcmp(REFINED[i].extension, extension) == 0) return formats_find(REFINED[i].to, NULL);
  return found;
}

static gboolean lists(const char *extensions, const char *extension) {
  g_auto(GStrv) all = g_strsplit(extensions, " ", -1);
  return g_strv_contains((const char *const *)all, extension);
}

gboolean formats_name_fits(const FormatInfo *info, const char *name, gboolean *ret_fits) {
  g_autofree char *extension = dup_extension(name);
  const FormatRow *own = find_own(info->mime, info->puid), *row = own != NULL ? own : find_row(info->mime, NULL);
  if (row == NULL || *row->extensions == '\0') return FALSE;
  *ret_fits = lists(row->extensions, extension);
  return TRUE;
}

void format_table_of_formats(json_t *formats) {
  gsize index;
  json_t *row;
  g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&own_lock);
  (void)lock;
  own_rows = g_ptr_array_new(); /* the old one stays: its texts are in use */
  json_array_foreach(formats, index, row) {
    const char *mime = "", *puid = "", *name = NULL, *kind = NULL;
    json_t *extensions = json_object_get(row, "extensions");
    if (json_unpack(row, "{s?s, s?s, s?s, s?s}", "mime", &mime, "puid", &puid, "name", &name, "kind", &kind) != 0 || (*mime == '\0' && *puid == '\0')) continue;
    const FormatRow *known = NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(KNOWN) && known == NULL; i++)
      if (*puid != '\0' ? strcmp(KNOWN[i].info.puid, puid) == 0 : strcmp(KNOWN[i].info.mime, mime) == 0) known = &KNOWN[i];
    g_autoptr(GString) list = g_string_new(json_string_value(extensions));
    gsize at;
    json_t *one;
    json_array_foreach(extensions, at, one) if (json_is_string(one)) g_string_append_printf(list, "%s%s", list->len > 0 ? " " : "", json_string_value(one));
    FormatRow *own = g_new0(FormatRow, 1);
    own->info = (FormatInfo){.mime = g_intern_string(*mime != '\0' || known == NULL ? mime : known->info.mime),
                             .puid = g_intern_string(puid),
                             .name = g_intern_string(name != NULL ? name : known != NULL ? known->info.name : puid),
                             .kind = g_intern_string(kind != NULL ? kind : known != NULL ? known->info.kind : "other")};
    own->extensions = g_intern_string(list->len > 0 ? list->str : known != NULL ? known->extensions : "");
    g_ptr_array_add(own_rows, own);
  }
}
