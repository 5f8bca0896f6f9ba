/* heap.c - the memory of contexts and of jansson while libFuzzer runs: a stack of blocks that goes back to
 * where it was after each input, so that one costs a few instructions, and the same memory, warm in the
 * cache, serves all inputs. The address sanitizer, which is told of each block, sees what it sees of
 * malloc's: reads and writes beside a block or after it was freed, for within an input nothing is used twice.
 * This file itself is compiled without sanitizers: its heads lie where nobody else may read. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "fuzz.h"

#include <jansson.h>
#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ROOM = 1 << 25, LARGEST = 1 << 22, FILLED = 1 << 12, LIVE = 0x6c697665 };

/* Before each block; 16 bytes, so that blocks are aligned, and apart. */
typedef struct head {
    size_t size;
    size_t state; /* LIVE or 0 */
} head;

static char *room;         /* no array: the leak sanitizer would look through all of it */
static size_t bottom, top; /* of the blocks of this input */
static int live, texts;    /* such blocks; of jansson's, all */

static bool is_here(const void *block)
{
    return (const char *)block >= room && (const char *)block < room + ROOM;
}

static size_t rounded(size_t size) { return (size + 15) / 16 * 16; }

static void *take(size_t size)
{
    if (size > LARGEST || top + sizeof(head) + rounded(size) > ROOM) return malloc(size);
    head *h = (head *)(room + top);
    *h = (head){size, LIVE};
    top += sizeof *h + rounded(size);
    live++;
    __asan_unpoison_memory_region(h + 1, size);
    memset(h + 1, 0xbe, size < FILLED ? size : FILLED); /* as the sanitizer does */
    return h + 1;
}

static void give(void *block)
{
    if (!is_here(block)) {
        free(block);
        return;
    }
    head *h = (head *)block - 1;
    HOLDS(h->state == LIVE);
    h->state = 0;
    live -= (char *)block > room + bottom;
    __asan_poison_memory_region(block, rounded(h->size));
}

/* --- whose blocks they are --- */

static void *allocate(void *user, void *block, size_t old_size, size_t new_size)
{
    (void)user, (void)old_size;
    HOLDS(!block || new_size == 0); /* contexts never resize */
    if (!block) return take(new_size);
    HOLDS(!is_here(block) || ((head *)block - 1)->size == old_size);
    give(block);
    return NULL;
}

static void *take_text(size_t size)
{
    texts++;
    return take(size);
}

static void give_text(void *block)
{
    texts -= block != NULL;
    if (block) give(block);
}

/* After an input nothing of jansson's is left. What a context keeps stays where it is. */
static void rewind_heap(void)
{
    HOLDS(texts == 0);
    if (live) bottom = top;
    top = bottom;
    live = 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    HOLDS(room != MAP_FAILED);
    __asan_poison_memory_region(room, ROOM);
    json_set_alloc_funcs(take_text, give_text);
    fuzz_heap = (fuzz_memory){allocate, rewind_heap};
    return 0;
}
