// The disk images that the server gives to agents.
import type { CallOptions, Calls } from '../calls.ts';

/** An image of the server's image folder. */
export interface ImageSum {
  readonly name: string;
  /** 64 hex digits. */
  readonly sha256: string;
}

export class ImageCalls {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** All images by name. The server may still have to compute the sum of a new one. Errors: `image.folder`. */
  async list(options?: CallOptions): Promise<ImageSum[]> {
    const lines = (await this.#calls.text('images/SHA256SUMS', options)).split('\n');
    return lines.flatMap((line) => {
      const [, sha256, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
      return sha256 === undefined || name === undefined ? [] : [{ name, sha256 }];
    });
  }
}
