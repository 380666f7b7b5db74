/* commands.h - what `rota` can do: a function for each command, which answers the exit status */
#ifndef ROTA_TOOL_COMMANDS_H
#define ROTA_TOOL_COMMANDS_H

#include <rota/base.h>

#define ROTA_TOOL__TEXT2(x) #x
#define ROTA_TOOL__TEXT(x)  ROTA_TOOL__TEXT2(x)
#define ROTA_TOOL_VERSION                                                                          \
	ROTA_TOOL__TEXT(ROTA_VERSION_MAJOR)                                                        \
	"." ROTA_TOOL__TEXT(ROTA_VERSION_MINOR) "." ROTA_TOOL__TEXT(ROTA_VERSION_PATCH)

/* argv[0] is the name of the command. */
int command_serve(int argc, char **argv);
int command_load(int argc, char **argv);

void command_serve_help(void);
void command_load_help(void);

#endif
