// `completion`: prints the script that lets a shell complete a program's command line.
import { command, type Command } from '../command.ts';

/** Makes the command for the program of this name. */
export function completionCommand(program: string): Command {
  return command({
    name: 'completion',
    describe: 'print a completion script for a shell',
    positionals: {
      shell: { describe: 'bash without it', choices: ['bash', 'zsh', 'fish'], isOptional: true },
    },
    options: {},
    async run({ shell = 'bash' }, io) {
      const { completionScript } = await import('./completion.ts');
      io.print(completionScript(program, shell));
      return 0;
    },
  });
}
