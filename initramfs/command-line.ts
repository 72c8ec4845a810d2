// The command lines of this folder's programs, read by the parser of the agent and the server.
import type { Command } from '../src/cli/command.ts';
import { main } from '../src/cli/main.ts';
import { version } from '../src/cli/version.ts';

/** Runs the program that `npm run` knows under the name of `command`. */
export async function runProgram(command: Command): Promise<void> {
  // A terminal that was closed, and a reader that went away, end it as Ctrl-C does: with all that it started.
  // Both may come, and each write fails from then on: the second signal would end it with nothing else.
  let isEnding = false;
  const end = (): void => {
    if (!isEnding) process.kill(process.pid, 'SIGTERM');
    isEnding = true;
  };
  process.on('SIGHUP', end);
  process.stdout.on('error', end);
  await main({
    name: `npm run ${command.name} --`,
    describe: command.describe,
    version,
    defaultCommand: command,
    unexpected: 'Run it again with DRAGONFLY_DEBUG=1 to see where it failed.',
  });
}
