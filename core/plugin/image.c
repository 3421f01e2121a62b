/*
 * image.c - addresses against the segments of loaded objects.
 */
#include "plugin/image.h"

#include <link.h>
#include <stdint.h>
#include <string.h>

typedef struct image_look {
	uintptr_t at;
	size_t room;
} image_look;

static int image_see(struct dl_phdr_info *info, size_t size, void *ctx)
{
	image_look *look = ctx;
	size_t i;

	(void)size;
	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t low = info->dlpi_addr + ph->p_vaddr;

		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_R))
			continue;
		if (look->at >= low && look->at - low < ph->p_memsz) {
			look->room = ph->p_memsz - (look->at - low);
			return 1;
		}
	}
	return 0;
}

size_t image_room(const void *p)
{
	image_look look = {(uintptr_t)p, 0};

	dl_iterate_phdr(image_see, &look);
	return look.room;
}

int image_text(const char *p, size_t max)
{
	size_t room = p ? image_room(p) : 0;

	return room && memchr(p, '\0', room <= max ? room : max + 1) != NULL;
}
