// `read-files`: the agent's own helper where it is a single executable, which has no other program to
// start. Not for people.
import { command } from '../command.ts';

/** The `read-files` command of the agent. Ends with its standard input. */
export const readFiles = command({
  name: 'read-files',
  isInternal: true,
  describe: 'read files for another process of the agent',
  positionals: { top: { describe: 'the directory that stands for /' } },
  options: {},
  async run(args) {
    const { serveReads } = await import('../../sources/isolated/serve-reads.ts');
    serveReads(args.top);
    return 0;
  },
});
