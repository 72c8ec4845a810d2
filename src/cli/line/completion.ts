// Shell completion: the candidates for a word, and the scripts that ask for them. The scripts call the
// program itself, so they always match the installed version.
import type { Command, Io, OptionSpec, Positional, Program } from '../command.ts';
import { commonOptions, completeFlag, optionsOf } from './parse.ts';

type Candidate = readonly [word: string, describe: string];

/** Asks the shell for file names. */
const files: Candidate = [':files', ''];

/** Lists candidates for the last of `words`, one a line: "word TAB description", or ":files". */
export function complete(program: Program, words: readonly string[]): string {
  const joined = joinSplit(words);
  return candidates(program, joined.slice(0, -1), joined.at(-1) ?? '')
    .map(([word, describe]) => `${word}\t${describe}`.trimEnd())
    .map((line) => `${line}\n`)
    .join('');
}

/** A name that a shell takes as it stands: machines choose theirs, and it goes into a command line. */
const isPlain = /^[\w.+@%][\w.+@%,/-]*$/;

/** The candidates as `complete` lists them, with names that the program has to look up. A shell that waits for them is
 *  told of no error. */
export async function completed(
  program: Program,
  words: readonly string[],
  io: Io,
): Promise<string> {
  const joined = joinSplit(words);
  const lines = complete(program, joined).split('\n').slice(0, -1);
  const known = await Promise.all(
    lines.map(async (line) => {
      const [, kind, before = ''] = /^:names (\S+) ?(.*)$/.exec(line) ?? [];
      if (kind === undefined) return [line];
      const start = (joined.at(-1) ?? '').slice(before.length);
      const names = await program.namesFor?.(kind, joined, io).catch(() => []);
      const fitting = (names ?? []).filter((name) => name.startsWith(start) && isPlain.test(name));
      return fitting.map((name) => `${before}${name}`);
    }),
  );
  return known
    .flat()
    .map((line) => `${line}\n`)
    .join('');
}

/** Undoes bash's splits at "=" (`--mode`, `=`, `imag`) and ":" (`http`, `:`, `//host`). Other shells leave words
 *  whole. */
function joinSplit(words: readonly string[]): string[] {
  const whole: string[] = [];
  for (const [i, word] of words.entries()) {
    const isGlued = i > 0 && (word === ':' || words[i - 1] === ':');
    if (isGlued) whole.push(`${whole.pop() ?? ''}${word}`);
    else whole.push(word);
  }
  return whole.flatMap((word, i) => (word !== '=' ? [word] : i === whole.length - 1 ? [''] : []));
}

function candidates(program: Program, before: readonly string[], current: string): Candidate[] {
  const { commands = [], defaultCommand } = program;
  const at = before.findIndex((word) => !word.startsWith('-'));
  const named = commands.find((command) => command.name === before[at]);
  if (named !== undefined) return ofCommand(named, before.toSpliced(at, 1), current);
  const group = `${before[at] ?? ''} `;
  const verbs = commands.filter(({ name }) => at >= 0 && name.startsWith(group));
  if (verbs.length > 0) return inGroup(verbs, group, before.toSpliced(at, 1), current);
  const names = commands.map(({ name, describe }): Candidate =>
    name.includes(' ') ? [name.split(' ')[0] ?? '', ''] : [name, describe],
  );
  return [
    ...(at < 0 ? starting(current, [...new Map(names)]) : []),
    ...ofCommand(defaultCommand ?? commandless, before, current),
  ];
}

/** The second words of a group of commands, or what follows one of them. */
function inGroup(
  verbs: readonly Command[],
  group: string,
  before: readonly string[],
  current: string,
): Candidate[] {
  const at = before.findIndex((word) => !word.startsWith('-'));
  const named = verbs.find(({ name }) => name === `${group}${before[at] ?? ''}`);
  if (named !== undefined) return ofCommand(named, before.toSpliced(at, 1), current);
  if (at >= 0) return [];
  return starting(
    current,
    verbs.map(({ name, describe }) => [name.slice(group.length), describe]),
  );
}

/** Stands in for a missing default command: only the common options. */
const commandless = { options: {} };

type Options = Readonly<Record<string, OptionSpec>>;

function ofCommand(
  command: Pick<Command, 'options' | 'settings' | 'positionals'>,
  before: readonly string[],
  current: string,
): Candidate[] {
  const options: Options = { ...optionsOf(command), ...commonOptions };
  const { given, pending, words } = readSoFar(options, before);
  if (pending !== undefined) return starting(current, valuesOf(pending));
  const [, name = '', value] = /^--([^=]+)=(.*)$/s.exec(current) ?? [];
  if (value !== undefined) {
    const found = starting(value, valuesOf(options[name] ?? {}));
    return found.map((one): Candidate => {
      if (one === files) return files;
      return isNames(one) ? [`${one[0]} --${name}=`, ''] : [`--${name}=${one[0]}`, one[1]];
    });
  }
  if (current.startsWith('-')) {
    const left = Object.entries(options).filter(([option]) => !given.has(option));
    return starting(
      current,
      left.map(([option, { describe }]) => [`--${option}`, describe]),
    );
  }
  return starting(current, valuesOf(positionalAt(command.positionals ?? {}, words) ?? {}));
}

/** The argument that the word of this number belongs to: the last one may take many. */
function positionalAt(
  positionals: Readonly<Record<string, Positional>>,
  word: number,
): Positional | undefined {
  const all = Object.values(positionals);
  const last = all.at(-1);
  return all[word] ?? (last?.isMany === true ? last : undefined);
}

/** The options given before the current word, the one that waits for its value, and the number of other
 *  words. */
function readSoFar(options: Options, before: readonly string[]) {
  const given = new Set<string>();
  let pending: OptionSpec | undefined;
  let words = 0;
  for (const word of before) {
    if (pending !== undefined) pending = undefined;
    else if (word.startsWith('-')) {
      const name = nameOf(word, options);
      given.add(name);
      const spec = options[name];
      if (!word.includes('=') && spec?.type !== 'boolean') pending = spec;
    } else words += 1;
  }
  return { given, pending, words };
}

/** The name of the option in a word such as "--server=x" or "-o". */
function nameOf(word: string, options: Options): string {
  if (word.startsWith('--')) return word.slice(2).split('=', 1)[0] ?? '';
  return Object.keys(options).find((name) => options[name]?.short === word.at(-1)) ?? '';
}

/** The choices, the kind of names, or files where the value is one. */
function valuesOf({ choices, value, names }: Partial<OptionSpec | Positional>): Candidate[] {
  if (names !== undefined) return [[`:names ${names}`, '']];
  if (choices !== undefined) return choices.map((choice) => [choice, '']);
  return value === 'FILE' || value === 'DIR' ? [files] : [];
}

function starting(text: string, all: readonly Candidate[]): Candidate[] {
  return all.filter((one) => one === files || isNames(one) || one[0].startsWith(text));
}

/** True for what stands for names that the program looks up. */
function isNames([word]: Candidate): boolean {
  return word.startsWith(':names ');
}

/** The script to be sourced in a shell's start-up file. */
export function completionScript(name: string, shell: 'bash' | 'zsh' | 'fish'): string {
  const own = `_${name.replaceAll('-', '_')}`;
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](name, own);
}

function bashScript(name: string, own: string): string {
  return `# bash: in ~/.bashrc, source <(${name} completion bash)
${own}() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    if [ "$line" = :files ]; then compopt -o default; else COMPREPLY+=("\${line%%$'\\t'*}"); fi
  done < <("$1" ${completeFlag} "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F ${own} ${name}
`;
}

function zshScript(name: string, own: string): string {
  return `#compdef ${name}
# zsh: in ~/.zshrc after compinit, source <(${name} completion zsh)
${own}() {
  local line
  local -a found
  while IFS= read -r line; do
    if [[ $line = :files ]]; then _files; else found+=("\${\${line//:/\\\\:}/$'\\t'/:}"); fi
  done < <("$words[1]" ${completeFlag} "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( $#found )) && _describe ${name} found
}
compdef ${own} ${name}
`;
}

function fishScript(name: string, own: string): string {
  return `# fish: in ~/.config/fish/config.fish, ${name} completion fish | source
function _${own}
    set -l current (commandline -ct)
    set -l words (commandline -opc) "$current"
    for line in ($words[1] ${completeFlag} $words[2..-1] 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path "$current"
        else
            printf '%s\\n' $line
        end
    end
end
complete -c ${name} -f -a '(_${own})'
`;
}
