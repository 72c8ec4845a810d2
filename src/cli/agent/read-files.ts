// `read-files`: the reader process of the single executable, which has no other program to start. Internal.
import { command } from '../command.ts';

/** The `read-files` command of the agent. Ends when its standard input does. */
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
