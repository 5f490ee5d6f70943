/* SPDX-License-Identifier: Apache-2.0
 *
 * Feeds a fuzz target the files it is given, and those of folders: what earlier runs found and what covers the code.
 *
 *     fuzz-src-parse tests/corpus/fuzz-src-parse crash-1234 */
#include "fuzz.h"

#include <dirent.h>
#include <sys/stat.h>

static unsigned inputs;

static void feed_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat info;

    if (file == NULL || fstat(fileno(file), &info) != 0) {
        perror(path);
        exit(1);
    }
    size_t length = (size_t)info.st_size;
    uint8_t *bytes = malloc(length > 0 ? length : 1);
    if (bytes == NULL || fread(bytes, 1, length, file) != length) {
        perror(path);
        exit(1);
    }
    fclose(file);
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(bytes, length);
    free(bytes);
    inputs++;
}

static void feed_folder(const char *path)
{
    struct dirent **entries;
    int length = scandir(path, &entries, NULL, alphasort);

    for (int i = 0; i < length; i++) {
        char name[4096];

        if (entries[i]->d_name[0] != '.') {
            snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
            feed_file(name);
        }
        free(entries[i]);
    }
    free(length >= 0 ? entries : NULL);
}

int main(int argc, char **argv)
{
    struct stat info;

    for (int i = 1; i < argc; i++) {
        if (stat(argv[i], &info) == 0 && S_ISDIR(info.st_mode)) {
            feed_folder(argv[i]);
        } else {
            feed_file(argv[i]);
        }
    }
    printf("%u inputs\n", inputs);
    return inputs > 0 ? 0 : 1; /* a corpus that is not there tests nothing */
}
