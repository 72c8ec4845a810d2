// The programs that the documentation speaks of, as their own help describes them.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { repository } from './pages.ts';

/** The standard output of a program, whatever its exit code. */
export function shownBy(program: string, args: readonly string[]): Promise<string> {
  const file = join(repository, 'src/cli', `${program}.ts`);
  const env = { PATH: process.env['PATH'] };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [file, ...args], { cwd: repository, env }, (err, stdout, stderr) => {
      // An exit code of 1 is a finding, which is an answer as well.
      if (err === null || err.code === 1) resolve(stdout);
      else reject(new Error(stderr, { cause: err }));
    });
  });
}

/** The commands of a program. */
export async function commandsOf(program: string): Promise<readonly string[]> {
  const help = await shownBy(program, ['--help']);
  const [, commands = ''] = /^Commands:\n((?: +.*\n)*)/m.exec(help) ?? [];
  return [...commands.matchAll(/^ {2}([a-z-]+(?: [a-z-]+)?)/gm)].map(([, name = '']) => name);
}

/** The flags of a command, as `--name`; those of the default command for "". */
export async function flagsOf(program: string, command: string): Promise<readonly string[]> {
  const help = await shownBy(program, [...command.split(' '), '--help'].filter(Boolean));
  return [...help.matchAll(/^ +(?:-\w, +)?(--[a-z][a-z0-9-]*)/gm)].map(([, flag = '']) => flag);
}
