#!/bin/sh
# A searcher in POSIX shell: it changes one position of the best architecture, or draws a random one.
#
# Run it from the root of the repository::
#
#     nasmeta search nb201/cifar10 --searcher-command "sh examples/shell_searcher.sh" --evaluations 50
#     nasmeta compare --searchers random --searcher-command "sh examples/shell_searcher.sh" --repeats 2 --evaluations 20

propose() { # prints the positions and choices of the first line, one of them changed in the best architecture
    printf '%s\n%s\n' "$space" "$best" | awk -v seed="$((seed + n))" '
        NR == 1 { space = $0 }
        NR == 2 { best = $0 }
        END {
            srand(seed)
            count = split(space, part, /\{"name": "/)
            changed = 3 + int(rand() * (count - 2))
            for (i = 3; i <= count; i++) { # the first name is the name of the space
                name = substr(part[i], 1, index(part[i], "\"") - 1)
                choices = part[i]
                sub(/.*"choices": \[/, "", choices)
                sub(/\].*/, "", choices)
                m = split(choices, choice, ", ")
                chosen = choice[1 + int(rand() * m)]
                if (best != "" && i != changed) {
                    chosen = substr(best, index(best, "\"" name "\": ") + length(name) + 4)
                    sub(/[,}].*/, "", chosen)
                }
                line = line (i == 3 ? "" : ", ") "\"" name "\": " chosen
            }
            print "{\"architecture\": {" line "}}"
        }'
}

n=0 best='' highest=''
while IFS= read -r line; do
    case $line in
    *'"message": "start"'*)
        space=$line
        seed=${line##*'"seed": '}
        seed=${seed%'}'}
        ;;
    *'"message": "ask"'*)
        n=$((n + 1))
        propose
        ;;
    *)
        value=${line##*'"value": '}
        value=${value%'}'}
        if [ -z "$highest" ] || awk "BEGIN { exit !($value > $highest) }"; then
            highest=$value best=${line##*'"architecture": '}
        fi
        ;;
    esac
done
