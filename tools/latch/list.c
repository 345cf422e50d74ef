// SPDX-License-Identifier: GPL-2.0
/*
 * Records that the kernel sends, printed as a list.
 */
#include "list.h"
#include "print.h"

/**
 * list_all() - ask for all records of a kind and print them
 * @cmd:  the command that asks for them, LATCH_CMD_*
 * @show: prints a record
 * @data: for @show
 *
 * Return: 0, or an exit status after a message.
 */
int list_all(uint8_t cmd, nl_cb show, const void *data)
{
	int rc;

	print_list_open(NULL);
	rc = nl_dump(cmd, show, (void *)data);
	print_list_end(rc);
	return rc;
}

/**
 * list_answer() - send a request and print the records of its answer
 * @nlh:  the request; NULL where nl_begin() failed
 * @show: prints a record
 * @data: for @show
 *
 * Return: 0, or an exit status after a message.
 */
int list_answer(struct nlmsghdr *nlh, nl_cb show, const void *data)
{
	int rc;

	if (!nlh)
		return EXIT_REFUSED;
	print_list_open(NULL);
	rc = nl_do(nlh, show, (void *)data, 0);
	print_list_end(rc);
	return rc;
}
