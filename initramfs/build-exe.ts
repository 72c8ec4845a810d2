// Makes dist/dragonfly-agent-linux-<arch>: the agent and Node in one file (`npm run build:exe`).
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pkg from '@yao-pkg/pkg/lib-es5/sea.js';
import { rolldown } from 'rolldown';
import { parseArch, type Arch } from './arch.ts';
import { smallNode } from './node-binary.ts';
import { cacheDir, projectDir } from './tools.ts';

/** Builds the executable and gives its path. */
export async function buildExecutable(arch: Arch): Promise<string> {
  const bundle = join(cacheDir, `agent-${arch}.cjs`);
  await bundleAgent(bundle);
  const output = join(projectDir, 'dist', `dragonfly-agent-linux-${arch}`);
  mkdirSync(join(projectDir, 'dist'), { recursive: true });
  rmSync(output, { force: true });
  await pkg.default(bundle, {
    // With both set, pkg puts the program into `nodePath` and lets the Node that runs this script
    // prepare it: the two are the same version, and neither is downloaded.
    nodePath: smallNode(arch),
    useLocalNode: true,
    signature: false,
    seaConfig: {
      disableExperimentalSEAWarning: true,
      useSnapshot: false,
      // The cache is the processor's own code for the program: it cannot be made on another one.
      useCodeCache: arch === process.arch,
    },
    targets: [{ platform: 'linux', arch, nodeRange: 'node26', output }],
  });
  return output;
}

/** One CommonJS file: a single executable application can load nothing else from disk. What the
 *  sources import lazily stays lazy: it is evaluated at its import, not at the start. */
async function bundleAgent(file: string): Promise<void> {
  const build = await rolldown({
    input: join(projectDir, 'src', 'cli', 'dragonfly-agent.ts'),
    platform: 'node',
    // yargs names import.meta.resolve on a path that is not taken here.
    checks: { emptyImportMeta: false },
  });
  await build.write({ file, format: 'cjs', minify: true, codeSplitting: false });
  await build.close();
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { arch: { type: 'string', default: process.arch } } });
  console.log(await buildExecutable(parseArch(values.arch)));
}
