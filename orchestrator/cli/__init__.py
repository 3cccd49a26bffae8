"""Words in, words out, exit codes. Shows everything and decides nothing; one file per verb."""
