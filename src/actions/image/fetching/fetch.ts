// Fetches whole files that fit into memory, and says whether a file is the one that its checksum names.
import { AppError } from '../../../core/errors.ts';
import { shownUrl } from '../../../core/text/shown-url.ts';
import type { ActionContext } from '../../action.ts';
import type { Checksum } from '../../../model/image/checksum.ts';
import { Transfer } from './transfer.ts';

/** A transfer for an action: its retries are noted. */
export function newTransfer(
  url: string,
  context: ActionContext,
  checksum: Checksum | undefined,
): Transfer {
  const { ask, host, random, signal, note } = context;
  return new Transfer(url, {
    ask,
    clock: host.clock,
    random,
    signal,
    algorithm: checksum?.algorithm ?? 'sha256',
    isVerified: checksum !== undefined,
    onRetry: (reason) => note(`${shownUrl(url)}: ${reason}`),
  });
}

/** The content of a file. Errors: AppError `image.unreachable`, `image.changed`, `image.damaged` when it is
 *  larger than it may be or not the one that the checksum names. */
export async function fetchFile(
  url: string,
  context: ActionContext,
  { maxBytes, checksum }: { readonly maxBytes: number; readonly checksum?: Checksum | undefined },
): Promise<Buffer> {
  const transfer = newTransfer(url, context, checksum);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of transfer) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxBytes) {
      throw new AppError('image.damaged', `${shownUrl(url)} has more than ${maxBytes} bytes`);
    }
  }
  compareHash(transfer, checksum);
  return Buffer.concat(chunks);
}

/** "sha256:…" of a file that was read to its end.
 *  Errors: AppError `image.damaged` when it is not the one that the checksum names. */
export function compareHash(transfer: Transfer, checksum: Checksum | undefined): string {
  const hash = transfer.digest();
  const { algorithm, hex } = checksum ?? { algorithm: 'sha256', hex: hash };
  if (hash === hex) return `${algorithm}:${hash}`;
  throw new AppError(
    'image.damaged',
    `${shownUrl(transfer.url)} is not the file that its checksum names: ${algorithm} ${hash} instead of ${hex}`,
  );
}
