# SPDX-License-Identifier: GPL-2.0
# Completion for latch(8): the program itself says which words may follow.
_latch()
{
	local words

	mapfile -t words < <(latch __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
	COMPREPLY=("${words[@]}")
}
# where no word may follow, complete the names of files
complete -o default -F _latch latch
