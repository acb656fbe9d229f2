// SPDX-License-Identifier: MIT
/* Include before lib/string.h: its functions get names that do not clash with libc's. */
#ifndef STRING_RENAMED_H
#define STRING_RENAMED_H

#define memcpy	baton_memcpy
#define memmove	baton_memmove
#define memset	baton_memset
#define memcmp	baton_memcmp
#define strlen	baton_strlen
#define strnlen	baton_strnlen
#define strcmp	baton_strcmp
#define strncmp	baton_strncmp
#define strchr	baton_strchr

#endif
