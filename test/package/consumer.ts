// A project of somebody else's that has installed the package as npm packs it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { npm, outsideEnv, repository } from './registry.ts';

export class Consumer {
  readonly directory = mkdtempSync(join(tmpdir(), 'dragonfly-consumer-'));

  /** Installs the package. Needs dist/, which `npm ci` builds. */
  install(test: TestContext): void {
    const archive = npm(test, repository, ['pack', '--pack-destination', this.directory]).trim();
    this.write('package.json', '{ "name": "consumer", "private": true, "type": "module" }');
    npm(test, this.directory, ['install', join(this.directory, archive)]);
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.directory, name), text);
  }

  /** Runs a program there and gives its standard output. Errors: throws with its standard error. */
  run(program: string, args: readonly string[]): string {
    return execFileSync(program, args, {
      cwd: this.directory,
      encoding: 'utf8',
      env: outsideEnv,
      stdio: 'pipe',
    });
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }
}
