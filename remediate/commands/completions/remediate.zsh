#compdef remediate
# Completion of `remediate` for zsh: eval "$(remediate --print-completion-script zsh)", after compinit
_complete_remediate() {
    local -a candidates
    candidates=("${(@f)$(remediate --complete -- "$LBUFFER" 2>/dev/null)}")
    if [[ -n "$candidates" ]]; then
        compadd -Q -- "${candidates[@]}"
    else
        _files
    fi
}
compdef _complete_remediate remediate
