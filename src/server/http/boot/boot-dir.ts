// The boot directory for those who speak no HTTP yet: its loaders, kernels and images by ARCH/NAME. Names come
// from the network; only those that this server lists itself lead to a file.
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../core/clock.ts';
import { loaderFiles, secondLoaders } from '../../../netboot/dhcp/clients.ts';
import type { OpenFile } from '../../../netboot/tftp/server.ts';
import { bootFolders, isBootFile } from './boot-files.ts';

const images = [...new Set(Object.values(bootFolders))].flatMap((folder) => [
  `${folder}/kernel`,
  `${folder}/initramfs`,
]);
const listed: ReadonlySet<string> = new Set([...loaderFiles, ...secondLoaders, ...images]);
/** The time after which the directory is read again. */
const freshMs = 5000;

export class BootDir {
  readonly #dir: string;
  readonly #clock: Clock;
  #loaders: ReadonlySet<string> = new Set();
  #lookedAtMs = -Infinity;

  private constructor(dir: string, clock: Clock) {
    this.#dir = dir;
    this.#clock = clock;
  }

  static async at(dir: string, clock: Clock): Promise<BootDir> {
    const boot = new BootDir(dir, clock);
    await boot.#look();
    return boot;
  }

  /** The loaders that are there, as ARCH/NAME. */
  get loaders(): ReadonlySet<string> {
    return this.#loaders;
  }

  /** True for a loader that is there. Files that come later are known a few seconds after the first question. */
  has(file: string): boolean {
    if (this.#clock.elapsedMs() - this.#lookedAtMs > freshMs) void this.#look();
    return this.#loaders.has(file);
  }

  /** A listed file; undefined for any other name, and for one that is not there. */
  async open(name: string): Promise<OpenFile | undefined> {
    const path = join(this.#dir, name);
    if (!listed.has(name) || !(await isBootFile(path))) return undefined;
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      return {
        sizeBytes: size,
        read: async (offset, length) => {
          const { buffer, bytesRead } = await file.read(new Uint8Array(length), 0, length, offset);
          return buffer.subarray(0, bytesRead);
        },
        close: () => file.close(),
      };
    } catch (err) {
      await file.close();
      throw err;
    }
  }

  async #look(): Promise<void> {
    this.#lookedAtMs = this.#clock.elapsedMs();
    const areThere = await Promise.all(
      loaderFiles.map((file) => isBootFile(join(this.#dir, file))),
    );
    this.#loaders = new Set(loaderFiles.filter((_, i) => areThere[i] === true));
  }
}
