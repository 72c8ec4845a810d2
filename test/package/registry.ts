// Packages that the tests of this package take from the npm registry, or from npm's cache of it.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import type { TestContext } from 'vitest';

export const repository = resolve(import.meta.dirname, '../..');

/** The search path of somebody who is not in this project: npm scripts put our own `node` in front. */
const outside = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((entry) => !entry.includes('node_modules'))
  .join(delimiter);
export const outsideEnv = { ...process.env, PATH: outside };

const unreachable = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED/;

/** Runs npm; skips the test where it needed a registry that cannot be reached. */
export function npm(test: TestContext, directory: string, args: readonly string[]): string {
  const quiet = ['--silent', '--prefer-offline', '--fetch-retries=0', '--ignore-scripts'];
  const options = { cwd: directory, encoding: 'utf8', env: outsideEnv } as const;
  const { status, stdout, stderr } = spawnSync(
    'npm',
    [...args, ...quiet, '--loglevel=error'],
    options,
  );
  test.skip(status !== 0 && unreachable.test(stderr), 'the npm registry cannot be reached');
  if (status !== 0) throw new Error(`npm ${args.join(' ')} failed: ${stderr}`);
  return stdout;
}

/** The Node of that version, for this machine; it ends with the test. */
export function fetchNode(test: TestContext, version: string): string {
  test.skip(process.platform !== 'linux', 'only for Linux the registry has Node');
  const directory = mkdtempSync(join(tmpdir(), 'dragonfly-node-'));
  test.onTestFinished(() => {
    rmSync(directory, { recursive: true });
  });
  const archive = npm(test, directory, ['pack', `node-linux-${process.arch}@${version}`]).trim();
  execFileSync('tar', ['-xzf', archive, 'package/bin/node'], { cwd: directory });
  return join(directory, 'package/bin/node');
}
