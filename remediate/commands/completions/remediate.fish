# Completion of `remediate` for fish: remediate --print-completion-script fish | source
function __complete_remediate
    set --local line (commandline --cut-at-cursor --current-process | string collect)
    set --local candidates (remediate --complete -- $line 2>/dev/null)
    if test (count $candidates) -gt 0
        printf '%s\n' $candidates
    else
        __fish_complete_path (commandline --cut-at-cursor --current-token)
    end
end
complete --command remediate --no-files --arguments '(__complete_remediate)'
