// Runs programs within the system on a disk as if it had booted: its own file systems, devices, and the name
// servers of this boot, where nobody else sees them. What the programs start ends with them.
import { AppError } from '../../core/errors.ts';
import type { Host, RunOptions } from '../../sources/writing/host.ts';
import { toTheEnd } from '../action.ts';
import { mountFstab } from './fstab.ts';
import { withSystem, type Mounted, type Where } from './system.ts';

export interface Environment {
  readonly mounted: Mounted;
  /** As Host's, with an environment of its own: nothing of the agent's is in it. */
  readonly run: (program: string, args: readonly string[], options: RunOptions) => Promise<string>;
}

interface EnterOptions extends RunOptions {
  /** Takes what is worth knowing. */
  readonly note: (line: string) => void;
}

const variables = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  TERM: 'dumb',
  LC_ALL: 'C.UTF-8',
  DEBIAN_FRONTEND: 'noninteractive',
};

/** Errors: as withSystem; AppError `disk.mismatch` for what is no system. */
export async function withEnvironment<T>(
  host: Host,
  disk: string,
  where: Where,
  options: EnterOptions,
  use: (environment: Environment) => Promise<T>,
): Promise<T> {
  return await withSystem(
    host,
    disk,
    where,
    options,
    (mounted) => enter(host, disk, mounted, options, use),
    'programs',
  );
}

/** The same for a system that is mounted already, for programs. */
export async function enter<T>(
  host: Host,
  disk: string,
  mounted: Mounted,
  options: EnterOptions,
  use: (environment: Environment) => Promise<T>,
): Promise<T> {
  await mountFstab(host, disk, mounted, options);
  await mountKernel(mounted, options);
  const restore = await bindResolver(host, mounted, options);
  try {
    return await use({
      mounted,
      run: (program, args, how) => runWithin(mounted, program, args, how),
    });
  } finally {
    await restore();
  }
}

/** /proc is of each program's own. */
async function mountKernel({ tree, space, info }: Mounted, options: RunOptions): Promise<void> {
  for (const [path, args] of [
    ['/proc', undefined],
    ['/sys', ['--rbind', '/sys']],
    ['/dev', ['--rbind', '/dev']],
    ['/run', ['-t', 'tmpfs', '-o', 'mode=0755', 'tmpfs']],
    ['/tmp', ['-t', 'tmpfs', '-o', 'mode=1777', 'tmpfs']],
  ] as const) {
    if ((await tree.kind(path)) !== 'directory') {
      throw new AppError(
        'disk.mismatch',
        `there is no ${path} on ${info.device}: it is not a system`,
      );
    }
    if (args === undefined) continue;
    await tree.whileOpen(path, (outside = '') => space.run('mount', [...args, outside], options));
  }
}

/** Resolves to what takes it back. A link into /run needs no more than a file there, as that is gone
 *  afterwards. */
async function bindResolver(
  host: Host,
  { tree, space }: Mounted,
  options: RunOptions,
): Promise<() => Promise<void>> {
  const path = '/etc/resolv.conf';
  const content = await host.root.text(path);
  if (content === undefined) return async () => {};
  const isThere = (await tree.kind(path)) !== undefined;
  if (!isThere) await tree.write(path, Buffer.from(content));
  else {
    await tree.whileOpen(path, (outside = '') =>
      space.run('mount', ['--bind', path, outside], options),
    );
  }
  return async () => {
    if (isThere) return;
    await tree.whileOpen(path, (outside = '') => host.run('rm', ['-f', outside], toTheEnd));
  };
}

/** In a namespace of processes of its own: a daemon that is started must not outlive the action, and keep
 *  the disk mounted. */
async function runWithin(
  { space, place }: Mounted,
  program: string,
  args: readonly string[],
  options: RunOptions,
): Promise<string> {
  const script = 'mount -t proc proc "$0/proc" && exec env -i "$@"';
  const given = Object.entries({ ...variables, ...options.env }).map(([k, v]) => `${k}=${v}`);
  const inside = [...given, 'chroot', place, program, ...args];
  const apart = ['--pid', '--fork', '--kill-child', '--', 'sh', '-c', script, place];
  const name = options.name ?? [program, ...args].join(' ').slice(0, 200);
  return await space.run('unshare', [...apart, ...inside], { ...options, name });
}
