/* Places behind SFTP. */
#include "target.h"
#include "error.h"

Target *target_open_sftp(const char *location, const SftpTrust *trust, gboolean create, char **ret_host_key, GError **error) {
  return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "SFTP 未启用");
}
