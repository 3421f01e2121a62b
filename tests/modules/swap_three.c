/* One of several builds of a plugin: see swap.h. */
#define SWAP_WORD "three"
#define SWAP_VERSION "3.0.0"
#include "swap.h"
