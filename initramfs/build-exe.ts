// Makes dist/dragonfly-agent-linux-<arch>: the agent and Node in one file (`npm run build:exe`).
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pkg from '@yao-pkg/pkg/lib-es5/sea.js';
import { bundleAgent } from '../build-agent.ts';
import { command } from '../src/cli/command.ts';
import { systemClock } from '../src/core/clock.ts';
import { createApp } from '../src/server/app.ts';
import { openStore } from '../src/store/open.ts';
import { archs, thisArch, type Arch } from './arch.ts';
import { runProgram } from './command-line.ts';
import { smallNode } from './executable/node-binary.ts';
import { cacheDir, projectDir } from './tools.ts';

export interface Executable {
  readonly path: string;
  /** Names of the npm packages whose code is inside. */
  readonly packages: readonly string[];
}

/** Builds dist/dragonfly-agent-linux-<arch>: the same bytes from the same sources. */
export async function buildExecutable(arch: Arch): Promise<Executable> {
  const output = join(projectDir, 'dist', `dragonfly-agent-linux-${arch}`);
  const main = join(projectDir, 'initramfs', 'executable', 'executable-main.cjs');
  const bundle = join(cacheDir, `agent-${arch}`);
  rmSync(bundle, { recursive: true, force: true });
  // Systems other than Linux are asked through it, and nothing else.
  const { files, packages } = await bundleAgent(bundle, ['systeminformation']);
  const caches = await compile(arch, main, bundle, files);
  mkdirSync(join(projectDir, 'dist'), { recursive: true });
  rmSync(output, { force: true });
  const seaConfig = {
    // The blob keeps this path: relative to where pkg works, it is the same wherever the project is.
    main: '../main.cjs',
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    // Node's own code cache differs from build to build; ours does not.
    useCodeCache: false,
    assets: Object.fromEntries([...files, ...caches].map((name) => [name, join(bundle, name)])),
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

/** Makes V8's compiled form of the files in `bundle` and gives the names of what it made. It is taken after a
 *  check-in of a recorded machine, and so has all functions that a check-in calls. It is the processor's own, and
 *  takes that processor to make: for another one there is none. */
async function compile(
  arch: Arch,
  main: string,
  bundle: string,
  files: readonly string[],
): Promise<string[]> {
  if (arch !== process.arch) return [];
  // The agent runs reader.js as a program.
  writeFileSync(join(bundle, 'package.json'), '{ "type": "commonjs" }\n');
  await withServer(async (server) => {
    // The environment is the same on every host: without proxies, settings and time zone of the one that builds.
    const options = { env: { LANG: 'C', TZ: 'UTC' } };
    const args = ['--random-seed=1', main, bundle, recordedMachine, server];
    await execute(smallNode(arch), args, options);
  });
  return files.map((name) => `${name}.cache`);
}

const execute = promisify(execFile);
const recordedMachine = join(projectDir, 'fixtures', 'machines', 'qemu-two-sockets', 'root');

/** On a host that is busy with other things the server is late itself, and turns nobody away for it. */
const overload = { heartbeatLagMs: Infinity, checkinLagMs: Infinity };

/** Runs `work` with the address of a server that knows no machine yet. */
async function withServer(work: (url: string) => Promise<void>): Promise<void> {
  const store = await openStore('memory:');
  const app = await createApp({ store, clock: systemClock, overload });
  try {
    await work(await app.listen({ host: '127.0.0.1', port: 0 }));
  } finally {
    await app.close();
    await store.close();
  }
}

const buildExe = command({
  name: 'build:exe',
  describe: 'make dist/dragonfly-agent-linux-ARCH: the agent and Node in one file',
  options: {
    arch: {
      type: 'string',
      choices: archs,
      describe: 'the processor it runs on (default: this one)',
    },
  },
  async run({ arch = thisArch() }, io) {
    const { path } = await buildExecutable(arch);
    io.print(`${path}\n`);
    return 0;
  },
});

if (import.meta.main) await runProgram(buildExe);
