"""`completion bash|zsh`: a script that completes commands, options and the operator's vocabulary; the shell evaluates it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from utils.errors import ExitCode

if TYPE_CHECKING:
    from modules.settings import BotConfig
    from modules.ui.commands import Argument

Load = Callable[[], "BotConfig"]
SHELLS = ("bash", "zsh")
FEW = 10
"""So many numbers are offered one by one."""
BASH = """\
# eval "$(python main.py completion bash)"
_trading_bot() {
    local current="${COMP_WORDS[COMP_CWORD]}" k=1 command="" name="" place=0 words=""
    COMPREPLY=()
    case "${COMP_WORDS[0]##*/}" in
        python*) [[ "${COMP_WORDS[1]##*/}" == main.py && $COMP_CWORD -ge 2 ]] || return 0; k=2 ;;
    esac
    for ((; k < COMP_CWORD; k++)); do
        case "${COMP_WORDS[k]}" in
            -*) ;;
            *) if [[ -z "$command" ]]; then command="${COMP_WORDS[k]}"
               elif [[ -z "$name" ]]; then name="${COMP_WORDS[k]}"
               else place=$((place + 1)); fi ;;
        esac
    done
    if [[ "$current" == -* ]]; then
        case "$command" in
@OPTIONS@
        esac
    elif [[ -z "$command" ]]; then words="@COMMANDS@"
    elif [[ "$command" == control && -z "$name" ]]; then words="@NAMES@"
    elif [[ "$command" == control ]]; then
        case "$name:$place" in
@ARGUMENTS@
        esac
    elif [[ -z "$name" ]]; then
        case "$command" in
@CHOICES@
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _trading_bot main.py python python3
"""
ZSH = """\
autoload -U +X compinit && compinit -u
autoload -U +X bashcompinit && bashcompinit
"""


def add_arguments(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command. It knows the commands that were added before it, and itself."""
    words = 'completion for a shell: eval "$(python main.py completion bash)"'
    found = commands.add_parser("completion", help=words, description=words)
    found.add_argument("shell", choices=SHELLS)
    found.set_defaults(handler=lambda args, _load: completion(args, commands.choices))


def completion(args: argparse.Namespace, commands: dict[str, argparse.ArgumentParser]) -> ExitCode:
    """Print the script."""
    sys.stdout.write((ZSH if args.shell == "zsh" else "") + script(commands))
    return ExitCode.DONE


def script(commands: dict[str, argparse.ArgumentParser]) -> str:
    """The bash script for `commands`; zsh runs it as well."""
    from modules.ui.commands import ACCOUNTS, ALL, OFFERS, STYLES, VOCABULARY, Shape

    of_shape = {Shape.ACCOUNT: (ALL, *ACCOUNTS), Shape.STYLE: STYLES, Shape.OFFER: OFFERS, Shape.COMMAND: tuple(VOCABULARY)}
    arguments = {
        f"{entry.name}:{place}": of_shape.get(one.shape, one.choices) or _numbers(one)
        for entry in VOCABULARY.values()
        for place, one in enumerate(entry.args)
    }
    options = {name: _options(parser) for name, parser in commands.items()} | {'""': _options(commands["run"])}
    choices = {name: _choices(parser) for name, parser in commands.items()}
    return (
        BASH.replace("@COMMANDS@", " ".join(commands))
        .replace("@NAMES@", " ".join(VOCABULARY))
        .replace("@OPTIONS@", _cases(options))
        .replace("@ARGUMENTS@", _cases(arguments))
        .replace("@CHOICES@", _cases(choices))
    )


def _numbers(argument: Argument) -> tuple[str, ...]:
    """The numbers of an argument that has a handful of them."""
    few = 0 < argument.most - argument.least < FEW
    return tuple(str(one) for one in range(argument.least, argument.most + 1)) if few else ()


def _options(parser: argparse.ArgumentParser) -> tuple[str, ...]:
    return tuple(word for action in parser._actions for word in action.option_strings if word.startswith("--"))  # noqa: SLF001  argparse tells nobody else


def _choices(parser: argparse.ArgumentParser) -> tuple[str, ...]:
    first = next((action for action in parser._actions if not action.option_strings), None)  # noqa: SLF001
    return tuple(map(str, first.choices)) if first is not None and first.choices else ()


def _cases(table: dict[str, tuple[str, ...]]) -> str:
    return "\n".join(f'            {name}) words="{" ".join(words)}" ;;' for name, words in table.items() if words)
