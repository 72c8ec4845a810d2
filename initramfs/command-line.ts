// The command lines of this folder's programs, read by the parser of the agent and the server.
import type { Command } from '../src/cli/command.ts';
import { main } from '../src/cli/main.ts';
import { version } from '../src/cli/version.ts';

/** Runs the program that `npm run` knows under the name of `command`. */
export async function runProgram(command: Command): Promise<void> {
  await main({
    name: `npm run ${command.name} --`,
    describe: command.describe,
    version,
    defaultCommand: command,
    unexpected: 'Run it again with DRAGONFLY_DEBUG=1 to see where it failed.',
  });
}
