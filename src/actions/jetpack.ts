// jetpack: runs a playbook within the system on the disk.
import { AppError } from '../core/errors.ts';
import type { Action, ActionContext, Fields } from './action.ts';
import { withEnvironment } from './disk/environment.ts';
import { checks, hasChecksum } from '../model/actions/checks.ts';
import { fetchFile } from './image/fetching/fetch.ts';
import { knownChecksum } from './image/fetching/source.ts';

/** Within the system, gone with the action. */
const program = '/run/dragonfly-jetpack';
const maxProgramBytes = 128 * 1024 * 1024;
const keptLines = 20;
/** As much as an event takes. */
const maxOutput = 1_000;
/** Between two lines that are told as progress. */
const tellMs = 1_000;

export const jetpack: Action<'jetpack'> = {
  check: checks.jetpack,

  async run(fields, context) {
    const { host, signal, note, system } = context;
    const { device } = await context.disk();
    const content = await fetchProgram(fields, context);
    const options = { signal, note, onLine: note };
    return await withEnvironment(host, device, system.where(), options, async (environment) => {
      const { tree, info } = environment.mounted;
      await tree.write(program, content, { mode: 0o755 });
      const lines: string[] = [];
      const onLine = teller(context, lines);
      // The URL may have a password in it.
      const named = { signal, onLine, name: 'jetpack pull' };
      await environment.run(program, ['pull', '--url', fields.url], named);
      return {
        message: `the playbook ran in the system on ${info.device}`,
        details: {
          device: info.device,
          has_checksum: hasChecksum(fields.checksum),
          output: lines.join('\n').slice(-maxOutput),
        },
      };
    });
  },
};

async function fetchProgram(
  { binary_url: given, checksum }: Fields<'jetpack'>,
  context: ActionContext,
): Promise<Buffer> {
  const { host, server, signal } = context;
  const machine = (await host.run('uname', ['-m'], { signal })).trim();
  const url = given ?? (server && new URL(`/images/jetpack-${machine}`, server).href);
  if (url === undefined) throw invalid('name the program with binary_url');
  try {
    const known = await knownChecksum(checksum, url, context);
    return await fetchFile(url, context, { maxBytes: maxProgramBytes, checksum: known });
  } catch (err) {
    signal.throwIfAborted();
    if (given !== undefined) throw err;
    throw new AppError(
      'image.unreachable',
      `the server does not give jetpack-${machine}: add it to its images, or name another place with binary_url`,
      { cause: err },
    );
  }
}

/** Notes each line, and tells of them as they come, but not of all. */
function teller({ host, note, progress }: ActionContext, lines: string[]) {
  let toldMs = -Infinity;
  return (line: string): void => {
    note(line);
    lines.push(line);
    if (lines.length > keptLines) lines.shift();
    if (host.clock.elapsedMs() - toldMs < tellMs) return;
    toldMs = host.clock.elapsedMs();
    progress({ message: line });
  };
}

function invalid(reason: string): AppError {
  return new AppError('action.invalid', reason);
}
