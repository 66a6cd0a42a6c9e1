/* What the files of this room's pages share. */
#pragma once
#include "delivery.h"
#include "web.h"

DeliveryAsker page_asker(const WebRequest *request);
gboolean page_check_visible(WebRequest *request, Sql *sql, gint64 id); /* a check tells what stands in the cells */
json_t *page_delivery(WebRequest *request, Sql *sql, GError **error); /* the row of {id}, if the asker may see it; NOT_FOUND */
gboolean page_visible(WebRequest *request, GError **error);
json_t *page_model(WebRequest *request, GError **error);
json_t *page_parameters(WebRequest *request);
WebReply *page_queue(WebRequest *request, const char *kind, json_t *parameters, GError **error);               /* takes parameters */
WebReply *page_refused(WebRequest *request, const char *field, GError *failure, GError **error);               /* the page again with the reason; takes failure */
/* The files of the form become a delivery (0: a new one); its id, 0 on error. */
gint64 page_receive(WebRequest *request, gint64 delivery, GError **error);

/* ---- pages-life.c: what people decide ---- */
WebReply *page_send(WebRequest *request, GError **error);
WebReply *page_stage(WebRequest *request, GError **error);
WebReply *page_documents(WebRequest *request, GError **error);
WebReply *page_accept(WebRequest *request, GError **error);
WebReply *page_return(WebRequest *request, GError **error);
WebReply *page_discard(WebRequest *request, GError **error);
WebReply *page_undo(WebRequest *request, GError **error);
