// The Debian packages in a Debian of their own: installed, started, purged; and in a container. As root, since they
// are entered by chroot. Takes 140 s of processor time, half of it for the packages themselves; the container, in the
// long set, takes 60 more.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { beforeAll, expect, inject, it, onTestFinished } from 'vitest';
import manifest from '../../../package.json' with { type: 'json' };
import { isMissing, projectDir } from '../../../initramfs/tools.ts';

const folder = join(projectDir, 'dist/deb');
const needed = ['mmdebstrap', 'dpkg-buildpackage', 'dh', 'lintian', 'systemd-analyze'];
const canRun = process.getuid?.() === 0 && needed.every((tool) => !isMissing(tool));
const canContain = canRun && inject('all') && !isMissing('buildah');

/** Nothing of this host's settings reaches the system inside. */
const env = { PATH: process.env['PATH'], HOME: '/root' };

function run(program: string, ...args: string[]): string {
  return runIn(env, program, ...args);
}

function runIn(surroundings: NodeJS.ProcessEnv, program: string, ...args: string[]): string {
  return execFileSync(program, args, {
    cwd: projectDir,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    env: surroundings,
  });
}

function debs(): string[] {
  return readdirSync(folder).map((name) => join(folder, name));
}

/** This host's way to Debian's packages, which apt inside needs as well: as apt is told it, else as other programs are. */
function proxies(): string[] {
  return ['http', 'https'].flatMap((scheme) => {
    const key = `Acquire::${scheme}::Proxy`;
    const [told] = run('apt-config', 'dump', '--no-empty', '--format', '%v%n', key).split('\n');
    const proxy = told || process.env[`${scheme}_proxy`];
    return proxy ? [`--aptopt=${key} "${proxy}"`] : [];
  });
}

/** A bare Debian, packed: the system that the packages are installed in, and what the container is made from. */
let bare = '';

beforeAll(() => {
  if (!canRun) return;
  const place = mkdtempSync(join(tmpdir(), 'dragonfly-bare-'));
  bare = join(place, 'debian.tar');
  // The registry may be behind a proxy of this host's, or have a CA that it alone knows.
  runIn(process.env, 'npm', 'run', 'build:deb');
  // No later dpkg waits until the disk has what it writes.
  const quick = '--dpkgopt=force-unsafe-io';
  run('mmdebstrap', '--quiet', '--variant=apt', quick, ...proxies(), 'bookworm', bare);
  return () => rmSync(place, { recursive: true });
}, 900_000);

it.skipIf(!canRun)(
  'the Debian packages are sound, work in a bare system, and leave nothing behind',
  async () => {
    expect(run('lintian', '--fail-on', 'error,warning', '--allow-root', ...debs())).not.toMatch(
      /^[EW]:/m,
    );
    const root = mkdtempSync(join(tmpdir(), 'dragonfly-debs-'));
    onTestFinished(() => {
      rmSync(root, { recursive: true });
    });
    run('tar', '--extract', '--numeric-owner', '--file', bare, '--directory', root);
    for (const path of debs()) copyFileSync(path, join(root, 'root', basename(path)));
    copyFileSync('/etc/resolv.conf', join(root, 'etc/resolv.conf'));
    const inside = (script: string): string => run('chroot', root, 'sh', '-ec', script);
    inside('apt-get -qq update && apt-get -qq install --no-install-recommends /root/*.deb');
    for (const program of Object.keys(manifest.bin)) {
      expect(inside(`${program} --version`)).toBe(`${manifest.version}\n`);
      expect(inside(`gzip -dc /usr/share/man/man1/${program}.1.gz`)).toContain('.SH NAME');
    }
    expect(inside('command -v node || echo none')).toBe('none\n');
    expect(inside('stat -c %a /etc/default/dragonfly-agent')).toBe('600\n');
    expect(inside('dragonfly-server template examples')).toContain('debian-cloud');
    for (const name of ['dragonfly-agent', 'dragonfly-server']) {
      run('systemd-analyze', 'verify', join(projectDir, 'contrib', `${name}.service`));
    }
    cpSync(
      join(projectDir, 'fixtures/machines/qemu-two-sockets/root'),
      join(root, 'root/machine'),
      {
        recursive: true,
      },
    );
    const server = spawn(
      'chroot',
      [
        root,
        ...['dragonfly-server', '--config', '/etc/dragonfly/server.yaml'],
        ...['--data', '/root/data', '--listen', '127.0.0.1:0'],
      ],
      { env },
    );
    const lines = createInterface(server.stdout);
    server.stderr.on('data', (data: Buffer) => lines.emit('line', data.toString()));
    let url = '';
    for await (const line of lines) {
      url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0] ?? '';
      if (url !== '') break;
    }
    const answer = JSON.parse(
      inside(`dragonfly-agent run --once --root /root/machine --server ${url}`),
    );
    expect(answer).toMatchObject({ is_new: true });
    expect(inside(`dragonfly machines list -o name --server ${url}`)).toBe(
      `${answer.machine_id}\n`,
    );
    server.kill('SIGTERM');
    expect(await once(server, 'exit')).toEqual([0, null]);

    inside('dpkg --purge dragonfly-server dragonfly-agent dragonfly-node');
    expect(
      inside('find / -xdev -path /root -prune -o -path /run -prune -o -name "*dragonfly*" -print'),
    ).toBe('');
  },
  900_000,
);

/** Puts the bare Debian in the place of the one that the container's file begins with. */
function containerBase(buildah: (...args: string[]) => string): void {
  const base = buildah('from', 'scratch').trim();
  buildah('add', base, bare, '/');
  buildah('commit', '--rm', base, 'docker.io/library/debian:bookworm-slim');
}

it.skipIf(!canContain)(
  'the container keeps its data in its volume, listens for others once there is a token, and runs as nobody',
  () => {
    const place = mkdtempSync(join(tmpdir(), 'dragonfly-container-'));
    onTestFinished(() => {
      rmSync(place, { recursive: true });
    });
    const [storage, release, data] = [
      join(place, 'storage.conf'),
      join(place, 'release'),
      join(place, 'data'),
    ] as const;
    const [graph, state] = [join(place, 'graph'), join(place, 'run')] as const;
    writeFileSync(
      storage,
      `[storage]\ndriver = "vfs"\ngraphroot = "${graph}"\nrunroot = "${state}"\n`,
    );
    const isolated = { ...env, CONTAINERS_STORAGE_CONF: storage, BUILDAH_ISOLATION: 'chroot' };
    const buildah = (...args: string[]): string => runIn(isolated, 'buildah', ...args);
    containerBase(buildah);
    mkdirSync(release);
    for (const path of [...debs(), join(projectDir, 'packaging/Containerfile')]) {
      cpSync(path, join(release, basename(path)));
    }
    buildah('build', '--pull-never', '--tag', 'dragonfly-server', release);
    mkdirSync(data);
    chownSync(data, 65_532, 65_532);
    const container = buildah('from', '--pull-never', 'dragonfly-server').trim();
    const inside = (script: string): string =>
      buildah(
        ...['run', '--volume', `${data}:/var/lib/dragonfly`, container, '--'],
        ...['sh', '-c', `exec 2>&1; ${script}`],
      );
    expect(inside('id --user')).toBe('65532\n');
    expect(inside('dragonfly-server || echo refused')).toMatch(/auth\.unconfigured.*\nrefused\n$/);
    expect(inside('dragonfly-server token create ops --scope full')).toMatch(/^dfo_/);
    expect(inside('dragonfly-server token list')).toMatch(/^ops +full/);
    const stopped = inside(`dragonfly-server --listen :0 > /tmp/log 2>&1 &
      for i in $(seq 300); do grep --quiet listens /tmp/log && break; sleep 0.2; done
      kill $!; wait $!; cat /tmp/log`);
    expect(stopped).toContain('dragonfly-server listens on http://');
    expect(stopped).toContain('everything is written');
  },
  900_000,
);
