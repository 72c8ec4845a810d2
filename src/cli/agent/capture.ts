// `capture`: writes what the probes read into a file that can be replayed elsewhere.
import { AppError } from '../../core/errors.ts';
import { writePrivate } from '../../core/files/private-file.ts';
import { hostOptions, inventoryOptions } from './host-options.ts';
import { command } from '../command.ts';

/** The `capture` command of the agent. */
export const capture = command({
  name: 'capture',
  describe: 'record what the probes read into a file that --root replays',
  examples: ['capture -o machine.tar.gz --redact'],
  options: {
    output: {
      type: 'string',
      short: 'o',
      value: 'FILE',
      describe: 'the archive to write, FILE.tar.gz; "-" is standard output',
    },
    redact: {
      type: 'boolean',
      describe: 'replace serial numbers, UUIDs, MACs and host names by fakes',
    },
    neighbours: {
      type: 'boolean',
      describe: 'also hear the switches at the ports, for half a minute (lldpd is always asked)',
    },
    ...hostOptions,
  },
  async run(args, { stdout, stderr, signal, version }) {
    const { output, redact, neighbours: hear } = args;
    if (output === undefined) {
      throw new AppError('usage.invalid', 'name the file to write: capture -o FILE.tar.gz');
    }
    const [{ openRoot }, { captureHost, packCapture }, { deadlines }, { patienceMs }] =
      await Promise.all([
        import('../../sources/open.ts'),
        import('../../capture/capture.ts'),
        import('../../inventory/inventory.ts'),
        import('../../probes/neighbours/hear.ts'),
      ]);
    const asked = { ...inventoryOptions(args, signal), agentVersion: version };
    const options = hear ? { ...asked, timeoutMs: Math.max(asked.timeoutMs, patienceMs) } : asked;
    const root = await openRoot(args.root, deadlines(options));
    const result = await captureHost(root, { ...options, redact, hear });
    const archive = await packCapture(result);
    if (output === '-') stdout.write(archive);
    else write(output, archive);
    const { problems } = result.inventory;
    stderr.write(
      `${output}: ${result.files.size} files, ${archive.length} bytes, ${problems.length} problems` +
        `${redact ? ', redacted' : '; it holds serial numbers and MACs (--redact replaces them)'}\n`,
    );
    return 0;
  },
});

/** Makes the file readable by its owner alone, since a capture reveals much about a machine. */
function write(file: string, archive: Uint8Array): void {
  try {
    writePrivate(file, archive);
  } catch (cause) {
    throw new AppError('config.invalid', `cannot write ${file}; give another file to -o`, {
      cause,
    });
  }
}
