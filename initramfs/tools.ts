// Runs the tools that building and booting take, and says which Debian package brings a missing one.
import { execFileSync, spawnSync, type ExecFileSyncOptions } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder that holds package.json. */
export const projectDir = dirname(dirname(fileURLToPath(import.meta.url)));
/** Downloads and unpacked packages: safe to delete, made again when needed. */
export const cacheDir = join(projectDir, '.cache');

/** Runs a tool to its end and gives its standard output. Errors: throws with its standard error. */
export function run(
  tool: string,
  args: readonly string[],
  options: ExecFileSyncOptions = {},
): string {
  return execFileSync(tool, args, {
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
    ...options,
    encoding: 'utf8',
  });
}

/** Makes sure that tools are there. `needs` maps a tool, or the path of a file, to its Debian package.
 *  As root the missing packages are installed; otherwise throws with the command to run. */
export function requireTools(needs: Readonly<Record<string, string>>): void {
  const packages = [...new Set(missing(needs).map(([, name]) => name))];
  if (packages.length === 0) return;
  const command = `apt-get install --yes --no-install-recommends ${packages.join(' ')}`;
  if (process.getuid?.() !== 0) throw new Error(`needed tools are missing; run: sudo ${command}`);
  console.error(`installing ${packages.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', ['update', '-qq'], { env });
  run('apt-get', command.split(' ').slice(1), { env });
  const still = missing(needs).map(([tool]) => tool);
  if (still.length > 0) throw new Error(`still missing after the install: ${still.join(', ')}`);
}

function missing(needs: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(needs).filter(([tool]) => isMissing(tool));
}

/** True if a tool, or the file at a path, is missing on this host. */
export function isMissing(tool: string): boolean {
  if (tool.startsWith('/')) return !existsSync(tool);
  return spawnSync('sh', ['-c', `command -v ${tool}`], { stdio: 'ignore' }).status !== 0;
}
