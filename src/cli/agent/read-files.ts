// `read-files`: the agent's own helper where it is a single executable, which has no other program to
// start. Not for people.
import type { Command } from '../command.ts';

/** The `read-files` command of the agent. Ends with its standard input. */
export const readFiles: Command = {
  name: 'read-files',
  isInternal: true,
  positionals: '<top>',
  describe: 'read files for another process of the agent',
  options: {},
  async run(args) {
    const { serveReads } = await import('../../sources/isolated/serve-reads.ts');
    serveReads(String(args['top']));
    return 0;
  },
};
