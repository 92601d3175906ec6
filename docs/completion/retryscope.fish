# SPDX-License-Identifier: GPL-2.0-only
# Completion of retryscope for fish, which reads the program's help as that for bash does.

function __retryscope_names
    command $argv 2>/dev/null |
        sed -n '/^Operations/q; s/^  \([a-z][a-z0-9._-]*:\{0,1\}\)[^ =]* .*/\1/p'
end

function __retryscope_options
    command $argv[1] $argv[2] --help 2>/dev/null |
        sed -n 's/^ \{2,\}\(-[^ ,]*, \)\{0,1\}\(--[a-z][^ ]*\).*/\2/p' | tr -d '[]'
end

function __retryscope_values
    switch "$argv[3]"
        case --algo --kernel-algo
            __retryscope_names $argv[1] help algorithms
        case --what
            __retryscope_names $argv[1] plot --help
        case --scenario
            __retryscope_names $argv[1] workload --list
        case '--*'
            __retryscope_options $argv[1] $argv[2] |
                string replace -rf -- "^$argv[3]=(.*\\|.*)" '$1' | string split '|'
    end
end

function __retryscope_offer
    set -l before (commandline -opc)
    set -l word (commandline -ct)
    if not set -q before[2]; or test $before[2] = help
        __retryscope_names $before[1] help
        return
    end
    set -l option $before[-1]
    set -l prefix ''
    if string match -qr -- '^--.*=' $word
        set option (string replace -r '=.*' '' -- $word)
        set prefix $option=
        set word (string replace -r '^[^=]*=' '' -- $word)
    end
    set -l values (__retryscope_values $before[1] $before[2] $option)
    if set -q values[1]
        set prefix $prefix(string replace -r '[^,]*$' '' -- $word)
        printf '%s\n' $prefix$values
    else if test -n "$prefix"
        return
    else if string match -q -- '-*' $word
        __retryscope_options $before[1] $before[2] | string replace -r '=.*' '='
    else if contains -- $before[2] synth sweep
        __retryscope_names $before[1] synth --list
    end
end

# Files where nothing else is to be offered.
complete -c retryscope -n 'count (__retryscope_offer) >/dev/null' -f -a '(__retryscope_offer)'
