// The Node binary that an executable is made from: from the npm registry, checked, made smaller.
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import lock from '../../package-lock.json' with { type: 'json' };
import { architectures, type Arch } from '../arch.ts';
import { builtinSources, trimBuiltins } from './builtins.ts';
import { trimIcu } from './icu.ts';
import { trimSymbols } from './symbols.ts';
import { cacheDir, projectDir, requireTools, run } from '../tools.ts';

/** Path of a Node binary for one architecture without what an agent never uses: symbols, unwinding tables,
 *  locale data, builtins, exported names. */
export function smallNode(arch: Arch): string {
  const { version } = lockedPackage(arch);
  const path = join(cacheDir, `node-${version}-${arch}-${edition()}`);
  if (existsSync(path)) return path;
  const { strip, stripPackage } = architectures[arch];
  requireTools({ [strip]: stripPackage });
  const stripped = `${path}.partial-${process.pid}`;
  mkdirSync(cacheDir, { recursive: true });
  // Before anything is injected: a stripped single executable application no longer starts.
  // Nothing in Node catches a C++ exception: thrown, it ends the process with these tables as without.
  const sections = ['-R', '.eh_frame', '-R', '.eh_frame_hdr'];
  run(strip, ['--strip-all', ...sections, '-o', stripped, originalNode(arch)]);
  const binary = readFileSync(stripped);
  trimIcu(binary);
  trimBuiltins(binary, builtinSources());
  trimSymbols(binary);
  writeFileSync(stripped, binary);
  chmodSync(stripped, 0o755);
  renameSync(stripped, path);
  return path;
}

/** Other for each change of what is cut out, so that no binary of before is taken for one of now. */
function edition(): string {
  const hash = createHash('sha256');
  for (const name of ['node-binary.ts', 'builtins.ts', 'icu.ts', 'symbols.ts']) {
    hash.update(readFileSync(join(import.meta.dirname, name)));
  }
  return hash.digest('hex').slice(0, 8);
}

/** The registry's binary: installed beside the other packages, or, where npm left it out because it
 *  does not run here, fetched with npm and compared with the lock file. */
function originalNode(arch: Arch): string {
  const installed = join(projectDir, 'node_modules', `node-linux-${arch}`, 'bin', 'node');
  if (existsSync(installed)) return installed;
  const { version, integrity } = lockedPackage(arch);
  const folder = join(cacheDir, `node-linux-${arch}-${version}`);
  const binary = join(folder, 'package', 'bin', 'node');
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  const name = run('npm', ['pack', '--silent', `node-linux-${arch}@${version}`], { cwd: folder });
  const archive = join(folder, name.trim());
  const digest = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  if (digest !== integrity) throw new Error(`${archive} is not what package-lock.json names`);
  run('tar', ['-xzf', archive, '-C', folder, 'package/bin/node']);
  return binary;
}

function lockedPackage(arch: Arch): { version: string; integrity: string } {
  return lock.packages[`node_modules/node-linux-${arch}`];
}
