# SPDX-License-Identifier: BSD-2-Clause
# bash completion for pktvault(1).

_pktvault_words()
{
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

_pktvault_files()
{
    mapfile -t COMPREPLY < <(compgen "$1" -- "$2")
    compopt -o filenames 2>/dev/null
}

# The value of an option: 0 where $1 takes one and it was completed.
_pktvault_value()
{
    case $1 in
    -a | --archive) _pktvault_files -d "$2" ;;
    -w | --config | --fifo) _pktvault_files -f "$2" ;;
    -F) _pktvault_words "pcapng pcap" "$2" ;;
    -T) _pktvault_words "$([ "$3" = flows ] && echo "text csv json" || echo "text json")" "$2" ;;
    --by) _pktvault_words "flow pair host port vni" "$2" ;;
    --sort) _pktvault_words "time bytes packets" "$2" ;;
    -S | --since | -U | --until | --at) _pktvault_words "now today yesterday -1h" "$2" ;;
    --extcap-interface) _pktvault_words pktvault "$2" ;;
    -c | -j | -o | --filter | --extcap-capture-filter | --extcap-version | --extcap-reload-option) COMPREPLY=() ;;
    *) return 1 ;;
    esac
}

_pktvault()
{
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
    local range="-S --since -U --until --at --utc"
    local terms="vni host net port portrange src dst outer and or not tcp udp icmp icmp6 arp ip ip6 truncated malformed"
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        _pktvault_words "import query flows status index verify extcap --help --version" "$current"
        return
    fi
    _pktvault_value "$previous" "$current" "$command" && return
    case $command in
    import)
        if [[ $current == -* ]]; then
            _pktvault_words "-a --archive -j -o --again --utc --config -v --verbose --help" "$current"
        else
            _pktvault_files -f "$current"
        fi
        ;;
    query)
        if [[ $current == -* ]]; then
            _pktvault_words "-a --archive $range -w -F -T -v --verbose -c --decap --dedup --whole --count --explain
                --no-index --exact --follow --strict --config --help" "$current"
        else
            _pktvault_words "$terms" "$current"
        fi
        ;;
    flows)
        if [[ $current == -* ]]; then
            _pktvault_words "-a --archive $range -T -c --by --sort --no-index --exact --strict --config --help" \
                "$current"
        else
            _pktvault_words "$terms" "$current"
        fi
        ;;
    status) _pktvault_words "-a --archive $range -T --config --help" "$current" ;;
    index) _pktvault_words "-a --archive --follow --rebuild --config -v --verbose --help" "$current" ;;
    extcap)
        _pktvault_words "--extcap-interfaces --extcap-dlts --extcap-config --capture --extcap-interface --fifo
            --extcap-capture-filter --extcap-version --extcap-reload-option -a --archive --filter -S --since -U --until
            --utc --decap --follow --config --help" "$current"
        ;;
    verify) _pktvault_words "-a --archive -T --quick --config --help" "$current" ;;
    esac
}

complete -F _pktvault pktvault
