// The tools image: in a netboot image, the programs that actions run come in a second image, which is
// fetched when a workflow first takes one. An installed system has programs of its own.
import { AppError } from '../../core/errors.ts';
import { Lanes } from '../../core/lanes.ts';
import type { ActionContext } from '../action.ts';
import { mebibytes } from '../image/progress.ts';
import { Transfer } from '../image/fetching/transfer.ts';

/** Written when the netboot image is made. */
const imageMark = '/etc/dragonfly-image';
const mountPoint = '/tools/usr';
const file = '/run/dragonfly/tools.squashfs';
const maxBytes = 64 * 1024 * 1024;

/** The part of an action's context that fetching and mounting it takes. */
type ToolsContext = Pick<ActionContext, 'host' | 'ask' | 'random' | 'signal' | 'progress' | 'note'>;

/** A workflow and the remote shell may want it at the same time: the second one finds it there. */
const adding = new Lanes();

/** The tools image that a netboot image takes. */
interface Wanted {
  /** The folder's name at the server. */
  readonly arch: string;
  readonly sha256: string;
}

/** Fetches the tools image from the first server that has it, checks it and mounts it; does nothing on a
 *  system that needs none, or has it already.
 *  Errors: AppError `image.damaged` when it is not the one that this netboot image was made with,
 *  `image.unreachable`, `exec.failed`; the signal's reason. */
export async function addTools(servers: readonly string[], context: ToolsContext): Promise<void> {
  const { signal } = context;
  signal.throwIfAborted();
  const { promise: turn, resolve: begin, reject } = Promise.withResolvers<void>();
  const added = adding.run(mountPoint, async () => {
    begin();
    signal.throwIfAborted();
    await add(servers, context);
  });
  added.catch(() => {});
  const stop = (): void => reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    // Not for as long as the one before waits for its server.
    await turn;
  } finally {
    signal.removeEventListener('abort', stop);
  }
  await added;
}

async function add(servers: readonly string[], context: ToolsContext): Promise<void> {
  const { host, signal, progress } = context;
  const wanted = parseMark(await host.root.text(imageMark));
  if (wanted === undefined || (await host.root.list(mountPoint)) !== undefined) return;
  progress({ percent: 0, message: 'fetching the tools image' });
  const bytes = await fetchFirst(servers, wanted, context);
  await host.run('sh', ['-c', 'cat > "$0"', file], { signal, input: bytes });
  await host.run('/lib/dragonfly/tools', [file], { signal });
}

function parseMark(text: string | undefined): Wanted | undefined {
  if (text === undefined) return undefined;
  try {
    const mark: unknown = JSON.parse(text);
    const { arch, tools_sha256: sha256 } = {
      arch: undefined,
      tools_sha256: undefined,
      ...Object(mark),
    };
    return typeof arch === 'string' && typeof sha256 === 'string' ? { arch, sha256 } : undefined;
  } catch {
    return undefined;
  }
}

async function fetchFirst(
  servers: readonly string[],
  wanted: Wanted,
  context: ToolsContext,
): Promise<Uint8Array> {
  const failures: unknown[] = [];
  for (const server of servers) {
    try {
      return await fetchFrom(`${server}/boot/${wanted.arch}/tools`, wanted, context);
    } catch (err) {
      context.signal.throwIfAborted();
      failures.push(err);
    }
  }
  throw failures[0];
}

async function fetchFrom(
  url: string,
  { sha256 }: Wanted,
  { host, ask, random, signal, note }: ToolsContext,
): Promise<Uint8Array> {
  const transfer = new Transfer(url, {
    ask,
    clock: host.clock,
    random,
    signal,
    algorithm: 'sha256',
    isVerified: true,
    onRetry: (reason) => note(`${url}: ${reason}`),
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of transfer) {
    chunks.push(chunk);
    if (transfer.offset > maxBytes) break;
  }
  if (transfer.digest() === sha256) {
    note(`tools image: ${mebibytes(transfer.offset)} from ${url}`);
    return Buffer.concat(chunks);
  }
  throw new AppError(
    'image.damaged',
    `${url} is not the tools image that this netboot image was made with; boot this machine again, and if that does not help build the images anew`,
  );
}
