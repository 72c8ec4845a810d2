// The host that the agent runs on.
import { readdirSync, realpathSync } from 'node:fs';
import { absentOrThrow } from './read-error.ts';
import { readFile } from './read-file.ts';
import type { Root } from './root.ts';
import { runCommand } from './command.ts';

/** This host's own files and commands. */
export class HostRoot implements Root {
  readonly description = 'this host';

  async text(path: string): Promise<string | undefined> {
    try {
      return readFile(path, path, {}, (bytes) => bytes.toString('utf8'));
    } catch (err) {
      return absentOrThrow(err, path);
    }
  }

  async bytes(
    path: string,
    range?: { offset: number; length: number },
  ): Promise<Uint8Array | undefined> {
    try {
      const device = range !== undefined;
      return readFile(path, path, { range, device }, (bytes) => new Uint8Array(bytes));
    } catch (err) {
      return absentOrThrow(err, path);
    }
  }

  async list(dir: string): Promise<readonly string[] | undefined> {
    try {
      return readdirSync(dir).toSorted();
    } catch (err) {
      return absentOrThrow(err, dir);
    }
  }

  async link(path: string): Promise<string | undefined> {
    try {
      return realpathSync.native(path);
    } catch (err) {
      return absentOrThrow(err, path);
    }
  }

  exec(tool: string, args: readonly string[]): Promise<string | undefined> {
    return runCommand(tool, args);
  }
}
