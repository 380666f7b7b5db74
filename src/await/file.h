/* file.h - between the files about files */
#ifndef ROTA_AWAIT_FILE_H
#define ROTA_AWAIT_FILE_H

#include <rota/file.h>

/* What readdir(3) calls DT_REG and so on. */
enum rota_file_type rota__file_type(unsigned dt);

#endif
