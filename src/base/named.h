/* SPDX-License-Identifier: Apache-2.0
 *
 * Enums with names, from one list.
 *
 *     #define VM_CLASSES(X) X(VM_CLASS_READ, "read") X(VM_CLASS_WRITE, "write")
 *     NAMED_ENUM_DECLARE(VmClass, vm_class, VM_CLASSES)      in the header
 *     NAMED_ENUM_DEFINE(VmClass, vm_class, VM_CLASSES)       in one .c file
 *
 * gives the enum VmClass, vm_class_name(value), and vm_class_parse(text, &value, error), whose error lists the
 * names that would have been right.  Logs, command line, JSON and documents so all say the same word. */
#pragma once

#include <glib.h>

#define NAMED_ENUM_MEMBER(symbol, text) symbol,
#define NAMED_ENUM_NAME(symbol, text) text,

#define NAMED_ENUM_DECLARE(Type, prefix, LIST)                                                                         \
    typedef enum Type { LIST(NAMED_ENUM_MEMBER) } Type;                                                                \
    const char *prefix##_name(Type value);                                                                             \
    gboolean prefix##_parse(const char *text, Type *value, GError **error);

#define NAMED_ENUM_DEFINE(Type, prefix, LIST)                                                                          \
    static const char *const prefix##_names[] = {LIST(NAMED_ENUM_NAME) NULL};                                          \
    const char *prefix##_name(Type value)                                                                              \
    {                                                                                                                  \
        return named_enum_name(prefix##_names, (int)value);                                                            \
    }                                                                                                                  \
    gboolean prefix##_parse(const char *text, Type *value, GError **error)                                             \
    {                                                                                                                  \
        int found = named_enum_find(prefix##_names, #prefix, text, error);                                             \
        if (found >= 0) {                                                                                              \
            *value = (Type)found;                                                                                      \
        }                                                                                                              \
        return found >= 0;                                                                                             \
    }

/* The name at 'value', or "?" when it is out of range.  'names' ends with NULL. */
const char *named_enum_name(const char *const *names, int value);

/* The index of 'text' in 'names', or -1 with an error that calls the thing 'what' and lists the right names. */
int named_enum_find(const char *const *names, const char *what, const char *text, GError **error);
