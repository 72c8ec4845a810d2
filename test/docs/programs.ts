// The programs that the documentation speaks of, as their own help describes them.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { completionCommand } from '../../src/cli/line/completion-command.ts';
import { helpText } from '../../src/cli/line/help.ts';
import { operatorProgram } from '../../src/cli/operator/program.ts';
import { repository } from './pages.ts';

/** The standard output of a program, whatever its exit code. */
export function shownBy(program: string, args: readonly string[]): Promise<string> {
  const file = join(repository, 'src/cli', `${program}.ts`);
  const env = { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [file, ...args], { cwd: repository, env }, (err, stdout, stderr) => {
      // An exit code of 1 is a finding, which is an answer as well.
      if (err === null || err.code === 1) resolve(stdout);
      else reject(new Error(stderr, { cause: err }));
    });
  });
}

/** The help as the program prints it. The operators' program has so many commands that it is asked for them
 *  here: a process for each takes half a minute. */
async function helpOf(program: string, words: readonly string[]): Promise<string> {
  if (program !== 'dragonfly') return shownBy(program, [...words, '--help']);
  const commands = [...(operatorProgram.commands ?? []), completionCommand(program)];
  const table = { ...operatorProgram, commands };
  const command = commands.find(({ name }) => name === words.join(' '));
  return helpText(table, command);
}

/** The commands of a program. */
export async function commandsOf(program: string): Promise<readonly string[]> {
  const help = await helpOf(program, []);
  const [, commands = ''] = /^Commands:\n((?: +.*\n)*)/m.exec(help) ?? [];
  return [...commands.matchAll(/^ {2}([a-z-]+(?: [a-z-]+)?)/gm)].map(([, name = '']) => name);
}

/** The flags of a command, as `--name`; those of the default command for "". */
export async function flagsOf(program: string, command: string): Promise<readonly string[]> {
  const help = await helpOf(program, command.split(' ').filter(Boolean));
  return [...help.matchAll(/^ +(?:-\w, +)?(--[a-z][a-z0-9-]*)/gm)].map(([, flag = '']) => flag);
}
