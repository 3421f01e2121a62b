# plain.awk - a C header without its comments and with continued lines joined.
{ text = text $0 "\n" }
END {
	gsub(/\\\n/, " ", text)
	while (match(text, /\/\*([^*]|\*+[^*\/])*\*+\//))
		text = substr(text, 1, RSTART - 1) " " substr(text, RSTART + RLENGTH)
	printf "%s", text
}
