// SPDX-License-Identifier: GPL-2.0
/*
 * The tests of the core as a program.  Prints KTAP; fails where a test does.
 */
#include "../../../latch/tests/cases.h"

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	return run_all() ? 1 : 0;
}
