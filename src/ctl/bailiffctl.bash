# Completion of bailiffctl for bash. bailiffctl itself knows what may stand where.
_bailiffctl() {
        local IFS=$'\n'
        COMPREPLY=($(bailiffctl __complete "$COMP_CWORD" "${COMP_WORDS[@]}" 2>/dev/null))
}
complete -o default -F _bailiffctl bailiffctl
