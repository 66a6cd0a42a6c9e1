/* The program's entry: everything else is in app/. */
#include "app.h"

int main(int argc, char **argv) { return app_main(argc, argv); }
