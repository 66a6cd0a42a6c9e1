/*
 * Bytes as an OFD document, without the sandbox: what it is, its text, its signatures. Deflate and checksums keep random bytes out, so an input that is no zip
 * stands for one part of an otherwise good document: its first byte says which.
 */
#include "ofd-child.h"
#include "sandbox.h"
#include "signature.h"
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zip.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const PARTS[][2] = {
  {"OFD.xml", "<OFD Version='1.0' DocType='OFD'><DocBody><DocInfo><Title>t</Title></DocInfo><DocRoot>Doc_0/Document.xml</DocRoot>"
    "<Signatures>/Doc_0/Signatures.xml</Signatures></DocBody></OFD>"},
  {"Doc_0/Document.xml", "<Document><CommonData><TemplatePage ID='1' BaseLoc='Tpl.xml'/></CommonData><Pages><Page ID='2' BaseLoc='Page.xml'/></Pages>"
    "<Attachments>Attachments.xml</Attachments></Document>"},
  {"Doc_0/Page.xml", "<Page><Template TemplateID='1'/><Content><Layer><TextObject Boundary='1 2 3 4' Size='5'><TextCode X='0' Y='5'>x</TextCode></TextObject></Layer></Content></Page>"},
  {"Doc_0/Tpl.xml", "<Page><Content/></Page>"},
  {"Doc_0/Attachments.xml", "<Attachments><Attachment/></Attachments>"},
  {"Doc_0/Signatures.xml", "<Signatures><Signature ID='1' Type='Seal' BaseLoc='Signature.xml'/></Signatures>"},
  {"Doc_0/Signature.xml", "<Signature><SignedInfo><References CheckMethod='SM3'/></SignedInfo><SignedValue>Value.dat</SignedValue></Signature>"},
  {"Doc_0/Value.dat", "0"},
};

/* The document with part `which` replaced, in a file of memory. */
static int wrap(guint which, const uint8_t *data, size_t size) {
  zip_source_t *out = zip_source_buffer_create(NULL, 0, 0, NULL);
  zip_source_keep(out);
  zip_t *zip = zip_open_from_source(out, ZIP_TRUNCATE, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(PARTS); i++) {
    const void *bytes = i == which ? (const void *)data : PARTS[i][1];
    zip_file_add(zip, PARTS[i][0], zip_source_buffer(zip, bytes, i == which ? size : strlen(PARTS[i][1]), 0), ZIP_FL_OVERWRITE);
  }
  zip_close(zip);
  zip_stat_t about;
  zip_source_open(out);
  zip_source_stat(out, &about);
  g_autofree void *bytes = g_malloc(about.size + 1);
  zip_int64_t length = zip_source_read(out, bytes, about.size);
  zip_source_close(out);
  zip_source_free(out);
  int fd = memfd_create("fuzz", MFD_CLOEXEC);
  if (fd >= 0 && (length < 0 || write(fd, bytes, (size_t)length) != length)) close(fd), fd = -1;
  return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  gboolean is_zip = size > 2 && memcmp(data, "PK", 2) == 0;
  if (size < 2) return 0;
  int fd = is_zip ? memfd_create("fuzz", MFD_CLOEXEC) : wrap(data[0] % G_N_ELEMENTS(PARTS), data + 1, size - 1);
  if (fd < 0 || (is_zip && write(fd, data, size) != (ssize_t)size)) return 0;
  lseek(fd, 0, SEEK_SET);
  int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  dup2(fd, SANDBOX_INPUT);
  dup2(nowhere, SANDBOX_ANSWER);
  static const char *const ARGUMENTS[] = {"describe", "text", "signatures"};
  for (guint i = 0; i < G_N_ELEMENTS(ARGUMENTS); i++) child_ofd(ARGUMENTS[i]);
  lseek(fd, 0, SEEK_SET);
  json_t *rows = is_zip ? NULL : eep_signatures(fd);
  json_decref(rows);
  if (fd > SANDBOX_ANSWER) close(fd);
  if (nowhere > SANDBOX_ANSWER) close(nowhere);
  return 0;
}
