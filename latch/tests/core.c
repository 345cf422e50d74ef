// SPDX-License-Identifier: GPL-2.0
/*
 * The core once more, for the module that tests it: an object cannot belong to two
 * modules.
 */
#include "../core/chanbind.c"
#include "../core/conflict.c"
#include "../core/der.c"
#include "../core/dn.c"
#include "../core/flow.c"
#include "../core/fsm.c"
#include "../core/name.c"
#include "../core/params.c"
#include "../core/pattern.c"
#include "../core/suite.c"
#include "../core/tag.c"
#include "../core/text.c"
#include "../core/verdict.c"
#include "../core/want.c"
