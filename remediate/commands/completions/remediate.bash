# Completion of `remediate` for bash 3.2 and later: eval "$(remediate --print-completion-script bash)"
_complete_remediate() {
    local line=${COMP_LINE:0:COMP_POINT} candidate word
    # The program reads the whole line, since bash cuts a word at = and at :. What bash keeps of it is taken off again.
    word=${line##*[[:space:]]}
    COMPREPLY=()
    while IFS= read -r candidate; do
        COMPREPLY+=("${candidate#"${word%"$2"}"}")
    done < <(remediate --complete -- "$line" 2>/dev/null)
}
complete -o default -F _complete_remediate remediate
