"""The kinds of survey questions, a file each."""
