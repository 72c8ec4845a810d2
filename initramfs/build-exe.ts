// Makes dist/dragonfly-agent-linux-<arch>: the agent and Node in one file (`npm run build:exe`).
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pkg from '@yao-pkg/pkg/lib-es5/sea.js';
import { rolldown } from 'rolldown';
import { parseArch, type Arch } from './arch.ts';
import { runProgram } from './command-line.ts';
import { smallNode } from './node-binary.ts';
import { cacheDir, projectDir, run } from './tools.ts';

export interface Executable {
  readonly path: string;
  /** Names of the npm packages whose code is inside. */
  readonly packages: readonly string[];
}

/** Builds dist/dragonfly-agent-linux-<arch>: the same bytes from the same sources. */
export async function buildExecutable(arch: Arch): Promise<Executable> {
  const output = join(projectDir, 'dist', `dragonfly-agent-linux-${arch}`);
  const main = join(projectDir, 'initramfs', 'executable-main.cjs');
  const bundle = join(cacheDir, `agent-${arch}.cjs`);
  const packages = await bundleProgram('cli/dragonfly-agent.ts', bundle);
  const reader = join(cacheDir, `reader-${arch}.cjs`);
  await bundleProgram('sources/reader.ts', reader);
  mkdirSync(join(projectDir, 'dist'), { recursive: true });
  rmSync(output, { force: true });
  const seaConfig = {
    // The blob keeps this path: relative to where pkg works, it is the same wherever the project is.
    main: '../main.cjs',
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    // Node's own code cache differs from build to build; ours does not.
    useCodeCache: false,
    assets: {
      'agent.cjs': bundle,
      'agent.cache': compile(arch, main, bundle),
      'reader.cjs': reader,
    },
  };
  await inTemporaryFolder(async (folder) => {
    copyFileSync(main, join(folder, 'main.cjs'));
    await pkg.default(main, {
      // With both set, pkg puts the program into `nodePath` and lets a Node of the same version
      // prepare it, and downloads neither.
      nodePath: smallNode(arch),
      useLocalNode: true,
      signature: false,
      seaConfig,
      targets: [{ platform: 'linux', arch, nodeRange: 'node26', output }],
    });
  });
  return { path: output, packages };
}

/** Runs `work` with a folder for temporary files of its own, in which pkg makes the one that it works in. */
async function inTemporaryFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const before = process.env['TMPDIR'];
  const folder = mkdtempSync(join(tmpdir(), 'dragonfly-exe-'));
  process.env['TMPDIR'] = folder;
  try {
    await work(folder);
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
    rmSync(folder, { recursive: true });
  }
}

/** Makes V8's compiled form of the bundle. It is the processor's own, and takes that processor to
 *  make: for another one it stays empty. */
function compile(arch: Arch, main: string, bundle: string): string {
  const cache = `${bundle}.cache`;
  if (arch !== process.arch) writeFileSync(cache, '');
  else run(smallNode(arch), ['--random-seed=1', main, bundle, cache]);
  return cache;
}

/** One CommonJS file: a single executable application can load nothing else from disk. What the
 *  sources import lazily stays lazy: it is evaluated at its import, not at the start. Gives the names
 *  of the packages that went in. */
async function bundleProgram(source: string, file: string): Promise<string[]> {
  const build = await rolldown({
    input: join(projectDir, 'src', source),
    platform: 'node',
    // Asked on systems other than Linux alone.
    external: ['systeminformation'],
    // yargs names import.meta.resolve on a path that is not taken here.
    checks: { emptyImportMeta: false },
  });
  const { output } = await build.write({ file, format: 'cjs', minify: true, codeSplitting: false });
  await build.close();
  const modules = output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []));
  const names = modules.map((id) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1]);
  return [...new Set(names)].filter((name) => name !== undefined).toSorted();
}

const usage = `usage: npm run build:exe -- [--arch x64|arm64]

Makes dist/dragonfly-agent-linux-ARCH: the agent and Node in one file.`;

if (import.meta.main) {
  const options = { arch: { type: 'string', default: process.arch } } as const;
  await runProgram(usage, options, async ({ arch }) => {
    const { path } = await buildExecutable(parseArch(arch));
    console.log(path);
  });
}
