/* One of several builds of a plugin: see swap.h. */
#define SWAP_WORD "one"
#define SWAP_VERSION "1.0.0"
#include "swap.h"
