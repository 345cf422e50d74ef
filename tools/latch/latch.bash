# SPDX-License-Identifier: GPL-2.0
# Completion for latch(8): the program itself says what can follow.
_latch()
{
	local words

	mapfile -t words < <(latch __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
	COMPREPLY=("${words[@]}")
}
# where nothing is known to follow, the names of files
complete -o default -F _latch latch
