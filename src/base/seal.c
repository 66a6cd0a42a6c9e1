/*
 * Seals: a small DER reader, and the order of verification that GB/T 38540-2020 (§7) and GM/T 0031-2014 ask for.
 *
 * 1. The reader never reads beyond its bytes; lengths are definite (DER); nesting is the caller's, so bounded.
 * 2. A seal is good only when its data digest, the signer's signature, the maker's signature over the seal, and the signer's place in the seal's list of
 *    certificates all hold. Whether a certificate's holder is known is another question (certificate_trusted).
 */
#include "seal.h"
#include "crypto.h"
#include "error.h"
#include <string.h>

enum {
  TAG_INTEGER = 0x02,
  TAG_BITS = 0x03,
  TAG_OCTETS = 0x04,
  TAG_OID = 0x06,
  TAG_UTF8 = 0x0c,
  TAG_IA5 = 0x16,
  TAG_UTC = 0x17,
  TAG_TIME = 0x18,
  TAG_SEQUENCE = 0x30,
  TAG_SET = 0x31,
  TAG_0 = 0xa0
};

typedef struct {
  const guint8 *at, *end;
} Der;
typedef struct {
  int tag;
  const guint8 *whole, *content;
  gsize whole_length, length;
} DerItem;

static gboolean der_next(Der *der, DerItem *ret) {
  const guint8 *at = der->at;
  if (der->end - at < 2 || (at[0] & 0x1f) == 0x1f) return FALSE;
  ret->tag = *at++;
  gsize length = *at++;
  if (length >= 0x80) {
    guint count = length & 0x7f;
    if (count == 0 || count > 4 || der->end - at < (ptrdiff_t)count) return FALSE;
    for (length = 0; count > 0; count--) length = length << 8 | *at++;
  }
  if ((gsize)(der->end - at) < length) return FALSE;
  *ret = (DerItem){ret->tag, der->at, at, (gsize)(at - der->at) + length, length};
  der->at = at + length;
  return TRUE;
}

static gboolean der_take(Der *der, int tag, DerItem *ret) { return der_next(der, ret) && ret->tag == tag; }
static Der der_inside(const DerItem *item) { return (Der){item->content, item->content + item->length}; }
static GBytes *item_bytes(const DerItem *item) { return g_bytes_new(item->content, item->length); }
static GBytes *item_whole(const DerItem *item) { return g_bytes_new(item->whole, item->whole_length); }

/* A BIT STRING of whole bytes without its count of unused bits. */
static GBytes *item_bits(const DerItem *item) { return item->length > 1 && item->content[0] == 0 ? g_bytes_new(item->content + 1, item->length - 1) : NULL; }

static char *item_text(const DerItem *item) {
  g_autofree char *raw = g_strndup((const char *)item->content, MIN(item->length, 1000));
  return g_utf8_make_valid(raw, -1);
}

/* YYYYMMDDHHMMSSZ, as DER writes GeneralizedTime; 0: not understood. */
static gint64 time_us(const char *text) {
  int part[6];
  if (strlen(text) < 15 || strspn(text, "0123456789") != 14 || text[14] != 'Z') return 0;
  static const guint width[6] = {4, 2, 2, 2, 2, 2};
  for (guint i = 0; i < 6; text += width[i], i++) {
    g_autofree char *digits = g_strndup(text, width[i]);
    part[i] = (int)g_ascii_strtoll(digits, NULL, 10);
  }
  g_autoptr(GDateTime) when = g_date_time_new_utc(part[0], part[1], part[2], part[3], part[4], part[5]);
  return when ? g_date_time_to_unix(when) * G_USEC_PER_SEC : 0;
}

void seal_clear(Seal *seal) {
  g_free(seal->seal_name);
  g_free(seal->seal_id);
  g_free(seal->reason);
  g_clear_pointer(&seal->certificate, g_bytes_unref);
  g_clear_pointer(&seal->maker, g_bytes_unref);
}

/* ---- the seal itself: SESeal ---- */

typedef struct {
  GBytes *info, *signature, *maker; /* what the maker signed, signature, certificate */
  GPtrArray *listed; /* signers' certificates, or their digests */
  gboolean listed_digests;
  gint64 from_us, to_us;
} SealBody;

static void seal_body_clear(SealBody *body) {
  g_clear_pointer(&body->info, g_bytes_unref);
  g_clear_pointer(&body->signature, g_bytes_unref);
  g_clear_pointer(&body->maker, g_bytes_unref);
  g_clear_pointer(&body->listed, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SealBody, seal_body_clear)

/* certList: certificates as octet strings (version 1 and type 1), or digests of certificates, each in a sequence of its own. */
static gboolean read_list(const DerItem *list, SealBody *body) {
  Der der = der_inside(list);
  DerItem item;
  body->listed = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
  while (der.at < der.end) {
    if (!der_next(&der, &item) || body->listed->len > 1000) return FALSE;
    if (item.tag == TAG_SEQUENCE) {
      Der inside = der_inside(&item);
      DerItem kind, digest;
      if (!der_next(&inside, &kind) || !der_take(&inside, TAG_OCTETS, &digest)) return FALSE;
      g_ptr_array_add(body->listed, item_bytes(&digest));
    } else if (item.tag == TAG_OCTETS) g_ptr_array_add(body->listed, item_bytes(&item));
  }
  return TRUE;
}

static gboolean read_property(const DerItem *property, SealBody *body, Seal *seal) {
  Der der = der_inside(property);
  DerItem kind, name, item;
  if (!der_take(&der, TAG_INTEGER, &kind) || !der_take(&der, TAG_UTF8, &name)) return FALSE;
  seal->seal_name = item_text(&name);
  if (!der_next(&der, &item)) return FALSE;
  if (item.tag == TAG_INTEGER) { /* certListType: version 4 only */
    body->listed_digests = item.length == 1 && item.content[0] == 2;
    if (!der_next(&der, &item)) return FALSE;
  }
  if (item.tag != TAG_SEQUENCE || !read_list(&item, body)) return FALSE;
  gint64 *const times[] = {NULL, &body->from_us, &body->to_us};
  for (guint i = 0; i < G_N_ELEMENTS(times); i++) {
    if (!der_next(&der, &item)) return FALSE;
    g_autofree char *text = item_text(&item);
    g_autofree char *whole = item.tag == TAG_UTC ? g_strconcat("20", text, NULL) : g_strdup(text);
    if (times[i]) *times[i] = time_us(whole);
  }
  return TRUE;
}

static gboolean read_info(const DerItem *info, SealBody *body, Seal *seal) {
  Der der = der_inside(info);
  DerItem header, id, property;
  if (!der_take(&der, TAG_SEQUENCE, &header) || !der_take(&der, TAG_IA5, &id) || !der_take(&der, TAG_SEQUENCE, &property)) return FALSE;
  seal->seal_id = item_text(&id);
  return read_property(&property, body, seal);
}

/* Version 1 signs info, certificate and algorithm together, as one sequence. */
static GBytes *wrap_sequence(const guint8 *content, gsize length) {
  g_autoptr(GByteArray) out = g_byte_array_new();
  guint8 head[6] = {TAG_SEQUENCE};
  guint count = 0;
  if (length < 0x80) head[1] = (guint8)length;
  else {
    for (gsize rest = length; rest; rest >>= 8) count++;
    head[1] = (guint8)(0x80 | count);
    for (guint i = 0; i < count; i++) head[2 + i] = (guint8)(length >> (8 * (count - 1 - i)));
  }
  g_byte_array_append(out, head, 2 + count);
  g_byte_array_append(out, content, (guint)length);
  return g_byte_array_free_to_bytes(g_steal_pointer(&out));
}

static gboolean read_seal(const DerItem *seal_item, SealBody *body, Seal *seal) {
  Der der = der_inside(seal_item);
  DerItem info, item, oid, bits;
  if (!der_take(&der, TAG_SEQUENCE, &info) || !read_info(&info, body, seal) || !der_next(&der, &item)) return FALSE;
  gboolean old = item.tag == TAG_SEQUENCE;
  if (old) der = der_inside(&item);
  if (old && !der_next(&der, &item)) return FALSE;
  if (item.tag != TAG_OCTETS || !der_take(&der, TAG_OID, &oid) || !der_take(&der, TAG_BITS, &bits)) return FALSE;
  body->maker = item_bytes(&item);
  body->signature = item_bits(&bits);
  g_autoptr(GByteArray) all = g_byte_array_new();
  g_byte_array_append(all, info.whole, (guint)info.whole_length);
  g_byte_array_append(all, item.whole, (guint)item.whole_length);
  g_byte_array_append(all, oid.whole, (guint)oid.whole_length);
  body->info = old ? wrap_sequence(all->data, all->len) : item_whole(&info);
  return body->signature != NULL;
}

/* ---- the whole: SES_Signature ---- */

typedef struct {
  GBytes *signed_part, *signature, *digest;
  SealBody body;
} Signed;

static void signed_clear(Signed *value) {
  g_clear_pointer(&value->signed_part, g_bytes_unref);
  g_clear_pointer(&value->signature, g_bytes_unref);
  g_clear_pointer(&value->digest, g_bytes_unref);
  seal_body_clear(&value->body);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Signed, signed_clear)

static gboolean read_signed(GBytes *signed_value, Signed *value, Seal *seal) {
  gsize length;
  const guint8 *bytes = g_bytes_get_data(signed_value, &length);
  if (length == 0) return FALSE;
  Der der = {bytes, bytes + length}, outer, inner;
  DerItem all, part, item, oid, version, body, when, digest, path;
  if (!der_take(&der, TAG_SEQUENCE, &all)) return FALSE;
  outer = der_inside(&all);
  if (!der_take(&outer, TAG_SEQUENCE, &part)) return FALSE;
  value->signed_part = item_whole(&part);
  inner = der_inside(&part);
  if (!der_take(&inner, TAG_INTEGER, &version) || version.length != 1 || !der_take(&inner, TAG_SEQUENCE, &body) || !read_seal(&body, &value->body, seal) ||
    !der_next(&inner, &when) || !der_take(&inner, TAG_BITS, &digest) || !der_take(&inner, TAG_IA5, &path))
    return FALSE;
  seal->version = version.content[0];
  g_autofree char *text = when.tag == TAG_BITS && when.length > 1 ? g_strndup((const char *)when.content + 1, MIN(when.length - 1, 40)) : item_text(&when);
  seal->at_us = time_us(text);
  value->digest = item_bits(&digest);
  if (!der_next(&outer, &item)) return FALSE;
  if (item.tag == TAG_OCTETS) { /* version 4: certificate, algorithm, signature */
    seal->certificate = item_bytes(&item);
    if (!der_take(&outer, TAG_OID, &oid) || !der_take(&outer, TAG_BITS, &item)) return FALSE;
  } else if (item.tag == TAG_BITS) { /* version 1: they stand in the signed part */
    DerItem certificate;
    if (!der_take(&inner, TAG_OCTETS, &certificate)) return FALSE;
    seal->certificate = item_bytes(&certificate);
  } else return FALSE;
  value->signature = item_bits(&item);
  return value->signature != NULL && value->digest != NULL;
}

static gboolean is_listed(const SealBody *body, GBytes *certificate) {
  gsize length;
  const void *bytes = g_bytes_get_data(certificate, &length);
  g_autofree char *hex = crypto_digest_hex(DIGEST_SM3, bytes, length);
  for (guint i = 0; i < body->listed->len; i++) {
    GBytes *entry = g_ptr_array_index(body->listed, i);
    if (g_bytes_equal(entry, certificate)) return TRUE;
    g_autoptr(GString) other = g_string_new(NULL);
    gsize count;
    const guint8 *digest = g_bytes_get_data(entry, &count);
    for (gsize k = 0; count == 32 && k < count; k++) g_string_append_printf(other, "%02x", digest[k]);
    if (g_str_equal(other->str, hex)) return TRUE;
  }
  return FALSE;
}

static gboolean digest_holds(GBytes *document, GBytes *digest) {
  gsize length, count;
  const void *bytes = g_bytes_get_data(document, &length);
  const guint8 *wanted = g_bytes_get_data(digest, &count);
  g_autofree char *hex = crypto_digest_hex(DIGEST_SM3, bytes, length);
  for (gsize i = 0; count == 32 && i < count; i++) {
    char pair[3];
    g_snprintf(pair, sizeof pair, "%02x", wanted[i]);
    if (strncmp(pair, hex + 2 * i, 2) != 0) return FALSE;
  }
  return count == 32;
}

gboolean seal_verify(GBytes *signed_value, GBytes *document, Seal *ret, GError **error) {
  g_auto(Signed) value = {0};
  g_auto(Seal) seal = {0};
  if (!read_signed(signed_value, &value, &seal)) return throw(error, LANTAI_ERROR_INVALID, "签章数据不是 GB/T 38540 或 GM/T 0031 的电子签章结构");
  const struct {
    gboolean holds;
    const char *reason;
  } steps[] = {
    {digest_holds(document, value.digest), "签章保护的摘要与签名文件不符：签名文件被改动过"},
    {certificate_verify(seal.certificate, "sm3", value.signed_part, value.signature), "签章人的签名验证不通过"},
    {certificate_verify(value.body.maker, "sm3", value.body.info, value.body.signature), "印章本身的制章人签名验证不通过"},
    {is_listed(&value.body, seal.certificate), "签章人的证书不在印章的签章人名单中"},
    {seal.at_us == 0 || value.body.from_us == 0 || (seal.at_us >= value.body.from_us && seal.at_us <= value.body.to_us), "签章时间不在印章的有效期内"},
  };
  seal.good = TRUE;
  for (guint i = 0; i < G_N_ELEMENTS(steps) && seal.good; i++)
    if (!steps[i].holds) {
      seal.good = FALSE;
      seal.reason = g_strdup(steps[i].reason);
    }
  seal.maker = g_bytes_ref(value.body.maker);
  *ret = seal;
  memset(&seal, 0, sizeof seal);
  return TRUE;
}

/* ---- signed data without a seal (GB/T 35275-2017, the form of PKCS#7 with other names) ---- */

static const guint8 MESSAGE_DIGEST[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04};

typedef struct {
  DerItem certificates, attributes, signature;
  gboolean has_attributes;
} SignerInfo;

static gboolean read_signer(GBytes *value, SignerInfo *ret) {
  gsize length;
  const guint8 *bytes = g_bytes_get_data(value, &length);
  if (length == 0) return FALSE;
  Der der = {bytes, bytes + length}, inside, signer;
  DerItem item, set, info;
  if (!der_take(&der, TAG_SEQUENCE, &item)) return FALSE;
  inside = der_inside(&item);
  if (!der_take(&inside, TAG_OID, &item) || !der_take(&inside, TAG_0, &item)) return FALSE;
  inside = der_inside(&item);
  if (!der_take(&inside, TAG_SEQUENCE, &item)) return FALSE;
  inside = der_inside(&item);
  if (!der_take(&inside, TAG_INTEGER, &item) || !der_take(&inside, TAG_SET, &item) || !der_take(&inside, TAG_SEQUENCE, &item) ||
    !der_take(&inside, TAG_0, &ret->certificates))
    return FALSE;
  do
    if (!der_next(&inside, &set)) return FALSE;
  while (set.tag != TAG_SET);
  inside = der_inside(&set);
  if (!der_take(&inside, TAG_SEQUENCE, &info)) return FALSE;
  signer = der_inside(&info);
  if (!der_take(&signer, TAG_INTEGER, &item) || !der_take(&signer, TAG_SEQUENCE, &item) || !der_take(&signer, TAG_SEQUENCE, &item) || !der_next(&signer, &item))
    return FALSE;
  ret->has_attributes = item.tag == TAG_0;
  ret->attributes = item;
  if (ret->has_attributes && !der_next(&signer, &item)) return FALSE;
  return item.tag == TAG_SEQUENCE && der_take(&signer, TAG_OCTETS, &ret->signature);
}

/* Attributes are signed as a SET, whatever their tag in the message; one of them carries the document's digest. */
static GBytes *signed_attributes(const SignerInfo *signer, GBytes *document, gboolean *ret_digest_holds) {
  Der der = der_inside(&signer->attributes);
  for (DerItem attribute; der.at < der.end && der_take(&der, TAG_SEQUENCE, &attribute);) {
    Der inside = der_inside(&attribute), values;
    DerItem oid, set, digest;
    if (!der_take(&inside, TAG_OID, &oid) || !der_take(&inside, TAG_SET, &set)) break;
    values = der_inside(&set);
    if (oid.length != sizeof MESSAGE_DIGEST || memcmp(oid.content, MESSAGE_DIGEST, oid.length) != 0 || !der_take(&values, TAG_OCTETS, &digest)) continue;
    g_autoptr(GBytes) wanted = item_bytes(&digest);
    *ret_digest_holds = digest_holds(document, wanted);
  }
  guint8 *copy = g_memdup2(signer->attributes.whole, signer->attributes.whole_length);
  copy[0] = TAG_SET;
  return g_bytes_new_take(copy, signer->attributes.whole_length);
}

gboolean signed_data_verify(GBytes *value, GBytes *document, Seal *ret, GError **error) {
  SignerInfo signer = {0};
  if (!read_signer(value, &signer)) return throw(error, LANTAI_ERROR_INVALID, "签名值不是 GB/T 35275 的签名数据");
  gboolean digest = !signer.has_attributes;
  g_autoptr(GBytes) content = signer.has_attributes ? signed_attributes(&signer, document, &digest) : g_bytes_ref(document);
  g_autoptr(GBytes) signature = item_bytes(&signer.signature);
  Der der = der_inside(&signer.certificates);
  *ret = (Seal){0};
  for (DerItem item; !ret->good && der_take(&der, TAG_SEQUENCE, &item);) {
    g_clear_pointer(&ret->certificate, g_bytes_unref);
    ret->certificate = item_whole(&item);
    ret->good = digest && certificate_verify(ret->certificate, "sm3", content, signature);
  }
  if (!ret->good)
    ret->reason = g_strdup(ret->certificate == NULL ? "签名数据中没有证书" : digest ? "签名验证不通过" : "签名的摘要与签名文件不符：签名文件被改动过");
  return TRUE;
}
