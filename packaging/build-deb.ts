// Builds Debian packages of the agent, the server and the Node that both run on, into dist/deb (`npm run build:deb`).
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buildDate } from '../build-date.ts';
import manifest from '../package.json' with { type: 'json' };
import { command } from '../src/cli/command.ts';
import { completionScript } from '../src/cli/line/completion.ts';
import { thisArch } from '../initramfs/arch.ts';
import { runProgram } from '../initramfs/command-line.ts';
import { projectDir, run } from '../initramfs/tools.ts';

const shells = {
  bash: (name: string) => `${name}.bash`,
  fish: (name: string) => `${name}.fish`,
  zsh: (name: string) => `_${name}`,
};

/** Builds the packages for this architecture. Needs dist/. */
export function buildDebs(): string[] {
  const top = mkdtempSync(join(tmpdir(), 'dragonfly-deb-'));
  try {
    const tree = join(top, `dragonfly-${manifest.version}`);
    mkdirSync(tree);
    addServer(top, tree);
    addAgent(tree);
    addNode(tree);
    addPrograms(tree);
    cpSync(join(projectDir, 'packaging/debian'), join(tree, 'debian'), { recursive: true });
    for (const name of ['dragonfly-agent', 'dragonfly-server']) {
      const unit = `${name}.service`;
      copyFileSync(join(projectDir, 'contrib', unit), join(tree, 'debian', unit));
    }
    writeFileSync(join(tree, 'debian/changelog'), changelog());
    run('dpkg-buildpackage', ['-b', '-us', '-uc', '--no-check-builddeps'], { cwd: tree });
    return keep(top);
  } finally {
    rmSync(top, { recursive: true });
  }
}

/** The package as npm packs it, with the packages that it depends on. */
function addServer(top: string, tree: string): void {
  run('npm', ['pack', '--loglevel=error', '--ignore-scripts', '--pack-destination', top], {
    cwd: projectDir,
  });
  const archive = join(top, `dragonfly-agent-${manifest.version}.tgz`);
  run('tar', ['-xzf', archive, '-C', tree], { cwd: top });
  const server = join(tree, 'server');
  cpSync(join(tree, 'package'), server, { recursive: true });
  copyFileSync(join(projectDir, 'package-lock.json'), join(server, 'package-lock.json'));
  cpSync(join(projectDir, 'pinned-node'), join(server, 'pinned-node'), { recursive: true });
  run('npm', ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: server,
  });
  for (const name of ['package-lock.json', 'pinned-node', 'contrib', 'dist/man']) {
    rmSync(join(server, name), { recursive: true });
  }
  // Types and source maps serve those who compile against it: four in ten of all files.
  for (const name of readdirSync(server, { recursive: true, encoding: 'utf8' })) {
    if (/\.(?:[cm]?ts|map)$/.test(name)) rmSync(join(server, name));
  }
  for (const name of ['contrib', 'dist/man']) {
    const to = join(tree, name.replace('dist/', ''));
    cpSync(join(tree, 'package', name), to, { recursive: true });
  }
  mkdirSync(join(tree, 'conf'));
  copyFileSync(join(projectDir, 'packaging/server.yaml'), join(tree, 'conf/server.yaml'));
}

/** The agent is one bundle, which needs no packages. */
function addAgent(tree: string): void {
  const from = join(tree, 'package/dist/bin');
  const isOfAgent = (name: string): boolean =>
    name.endsWith('.js') && !/^dragonfly(?:-server|-simulate)?\.js$/.test(name);
  mkdirSync(join(tree, 'agent'));
  for (const name of ['package.json', ...readdirSync(from).filter(isOfAgent)]) {
    copyFileSync(join(from, name), join(tree, 'agent', name));
  }
}

/** The Node that runs this. */
function addNode(tree: string): void {
  copyFileSync(process.execPath, join(tree, 'node'));
  chmodSync(join(tree, 'node'), 0o755);
  const licence = join(dirname(process.execPath), '../LICENSE');
  copyFileSync(licence, join(tree, 'LICENSE.node'));
}

/** The scripts that start the programs and complete their command lines. */
function addPrograms(tree: string): void {
  for (const folder of ['bin', 'completion']) mkdirSync(join(tree, folder));
  for (const name of Object.keys(manifest.bin)) {
    const from = name === 'dragonfly-agent' ? 'agent' : 'server/dist/bin';
    const start = `exec /usr/lib/dragonfly/node /usr/lib/dragonfly/${from}/${name}.js "$@"`;
    writeFileSync(join(tree, 'bin', name), `#!/bin/sh\n${start}\n`, { mode: 0o755 });
    for (const shell of ['bash', 'fish', 'zsh'] as const) {
      writeFileSync(join(tree, 'completion', shells[shell](name)), completionScript(name, shell));
    }
  }
}

function changelog(): string {
  const date = buildDate().toUTCString().replace('GMT', '+0000');
  return `dragonfly (${manifest.version}) unstable; urgency=medium

  * The changes are in the CHANGELOG.md of the project.

 -- The dragonfly-agent developers <dragonfly-agent@localhost>  ${date}
`;
}

/** Moves the packages to dist/deb and gives their paths. */
function keep(top: string): string[] {
  const folder = join(projectDir, 'dist/deb');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return readdirSync(top)
    .filter((name) => name.endsWith('.deb') && !name.includes('-dbgsym_'))
    .map((name) => {
      copyFileSync(join(top, name), join(folder, name));
      return join(folder, name);
    });
}

const buildDeb = command({
  name: 'build:deb',
  describe: `build Debian packages for ${thisArch()} into dist/deb`,
  options: {},
  run(_args, io) {
    for (const path of buildDebs()) io.print(`${path}\n`);
    return Promise.resolve(0);
  },
});

if (import.meta.main) await runProgram(buildDeb);
