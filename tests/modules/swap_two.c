/* One of several builds of a plugin: see swap.h. */
#define SWAP_WORD "two"
#define SWAP_VERSION "2.0.0"
#include "swap.h"
