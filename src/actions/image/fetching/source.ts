// The image that a URL names: fetched, unpacked, and known to be the same file however often it is read.
import { AppError } from '../../../core/errors.ts';
import { shownUrl } from '../../../core/text/shown-url.ts';
import type { ActionContext } from '../../action.ts';
import { filePathOf, findChecksum } from './checksum.ts';
import { hasChecksum } from '../../../model/actions/checks.ts';
import { parseChecksum, type Checksum } from '../../../model/image/checksum.ts';
import { ByteStream } from '../packing/byte-stream.ts';
import { unpack, type Filter, type Unpacked } from '../packing/unpack.ts';
import { compareHash, fetchFile, newTransfer } from './fetch.ts';
import type { Transfer } from './transfer.ts';

/** One reading of the image. */
export interface Opened extends Unpacked {
  readonly transfer: Transfer;
  /** Reads what is left of the file, and resolves to the file's hash: "sha256:…".
   *  Errors: AppError `image.damaged` when it is not the checksum. */
  readonly finish: () => Promise<string>;
}

const maxChecksumFileBytes = 4 * 1024 * 1024;

export class ImageSource {
  readonly #url: string;
  readonly #context: ActionContext;
  readonly #checksum: Checksum | undefined;
  #first: Transfer | undefined;

  private constructor(url: string, context: ActionContext, checksum: Checksum | undefined) {
    this.#url = url;
    this.#context = context;
    this.#checksum = checksum;
  }

  /** Errors: AppError `image.unreachable`, `image.damaged` when the file of checksums has none of it. */
  static async of(
    { url, checksum }: { readonly url: string; readonly checksum?: string | undefined },
    context: ActionContext,
  ): Promise<ImageSource> {
    return new ImageSource(url, context, await knownChecksum(checksum, url, context));
  }

  get isVerified(): boolean {
    return this.#checksum !== undefined;
  }

  /** Begins to read it from its start. Errors: AppError `image.*`. */
  async open(): Promise<Opened> {
    const transfer = newTransfer(this.#url, this.#context, this.#checksum);
    const file = new ByteStream(transfer);
    const head = await file.peek(1);
    const filter: Filter = (program, args, input) => this.#filter(program, args, input);
    this.#requireSame(transfer);
    const unpacked = await unpack(file, transfer.sizeBytes, filter);
    this.#requireAnEnd(transfer, unpacked, head.length);
    return { ...unpacked, transfer, finish: () => this.#finish(transfer, file) };
  }

  async *#filter(...[program, args, input]: Parameters<Filter>): AsyncGenerator<Uint8Array> {
    const { host, signal } = this.#context;
    const said: string[] = [];
    yield* host.filter(program, args, input, { signal, onLine: (line) => said.push(line) });
    // bzip2 calls it a success when it passes over what it does not know.
    const complaint = said.find((line) => line.includes('garbage'));
    if (complaint === undefined) return;
    throw new AppError('exec.failed', `${program} failed`, { cause: new Error(complaint) });
  }

  /** A second reading must be of the file of the first one. */
  #requireSame(transfer: Transfer): void {
    this.#first ??= transfer;
    const isSame =
      this.#first.etag === transfer.etag && this.#first.sizeBytes === transfer.sizeBytes;
    if (!isSame) {
      throw new AppError(
        'image.changed',
        `the server has another file at ${shownUrl(this.#url)} now`,
      );
    }
  }

  /** A raw image that is cut short looks like a whole one, unless something says where it ends. */
  #requireAnEnd({ isDelimited }: Transfer, { format, packings }: Unpacked, length: number): void {
    if (isDelimited || packings.length > 0 || format !== 'raw' || this.isVerified || length === 0)
      return;
    throw new AppError(
      'image.unsupported',
      `the server does not say how long ${shownUrl(this.#url)} is, so that a broken transfer looks like a whole one; give a checksum`,
    );
  }

  async #finish(transfer: Transfer, file: ByteStream): Promise<string> {
    while ((await file.next()) !== undefined);
    return compareHash(transfer, this.#checksum);
  }
}

/** The checksum of a file as a template gives it: itself, or a list that names the file.
 *  Errors: AppError `image.unreachable`, `image.damaged` when the list has none of it. */
export async function knownChecksum(
  given: string | undefined,
  url: string,
  context: ActionContext,
): Promise<Checksum | undefined> {
  const parsed = hasChecksum(given) ? parseChecksum(given) : undefined;
  return parsed !== undefined && 'url' in parsed
    ? await fetchChecksum(parsed.url, url, context)
    : parsed;
}

async function fetchChecksum(
  listUrl: string,
  imageUrl: string,
  context: ActionContext,
): Promise<Checksum> {
  const list = await fetchFile(listUrl, context, { maxBytes: maxChecksumFileBytes });
  const path = filePathOf(imageUrl);
  const found = findChecksum(list.toString('utf8'), path);
  if (found !== undefined) return found;
  const name = path.slice(path.lastIndexOf('/') + 1);
  throw new AppError('image.damaged', `${shownUrl(listUrl)} has no SHA-256 or SHA-512 of ${name}`);
}
